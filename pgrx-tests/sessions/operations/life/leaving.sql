-- Somebody leaves, and is erased from every log; then the benchmarks are published, about those who stay.
DELETE FROM auth.users WHERE id = '00000000-0000-4000-8000-000000000011';
SELECT founders.refresh_benchmark_aggregates();
