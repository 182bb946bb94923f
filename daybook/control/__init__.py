"""Control of the day: what people do about breaks and findings, closes and changes, the chain of their acts."""
