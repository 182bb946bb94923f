"""Why the return differs from the benchmark's."""
