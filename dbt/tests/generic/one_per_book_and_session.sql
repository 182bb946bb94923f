{% test one_per_book_and_session(model) %}
select business_date, book, count(*) as rows_found
from {{ model }}
group by business_date, book
having count(*) > 1
{% endtest %}
