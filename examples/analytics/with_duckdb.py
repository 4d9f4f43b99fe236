"""Ask questions of many traces at once, with DuckDB.

    python3 examples/analytics/with_duckdb.py 'traces/*.parquet'

`busprobe import -o run.parquet` and `busprobe export -o run.parquet` make the files.
"""

import sys

import duckdb

# Which offsets were written twice in which run?
TWICE = """
SELECT parse_filename(filename) AS run, "offset", count(*) AS writes
FROM traces WHERE t = 'access' AND dir = 'W'
GROUP BY run, "window", "offset" HAVING count(*) > 1
ORDER BY run, "offset"
"""

# Which functions touch the device most?
HOTTEST = """
SELECT coalesce(symbol, '?') AS function, count(*) AS accesses,
       count(DISTINCT filename) AS runs
FROM traces WHERE t = 'access'
GROUP BY function ORDER BY accesses DESC, function LIMIT 10
"""

# Which operation is not the same in all runs? One is what lies between two marks; its writes are
# exact when no word came twice.
DRIFT = """
WITH events AS (
  SELECT parse_filename(filename) AS run, t, dir, "offset",
         last_value(CASE WHEN t = 'mark' THEN text END IGNORE NULLS)
           OVER (PARTITION BY filename ORDER BY seq) AS operation
  FROM traces WHERE seq IS NOT NULL
), verdicts AS (
  SELECT operation, run, count(*) AS writes, count(DISTINCT "offset") AS words
  FROM events WHERE t = 'access' AND dir = 'W' AND operation IS NOT NULL
  GROUP BY operation, run
)
SELECT operation, run, writes, words,
       CASE WHEN writes = words THEN 'once' ELSE 'again' END AS verdict
FROM verdicts
WHERE operation IN (
  SELECT operation FROM verdicts GROUP BY operation HAVING count(DISTINCT writes = words) > 1
)
ORDER BY operation, run
"""

# What was not seen?
LOST = """
SELECT parse_filename(filename) AS run, kind, detail
FROM traces WHERE t = 'loss' ORDER BY run, seq
"""


def main() -> None:
    """Prints the answers to all questions."""
    # A view, not a table: the files are read as far as a question needs them.
    pattern = sys.argv[1].replace("'", "''")
    duckdb.execute(
        "CREATE VIEW traces AS SELECT * FROM "
        f"read_parquet('{pattern}', filename = true, union_by_name = true)"
    )
    for question in [TWICE, HOTTEST, DRIFT, LOST]:
        answer = duckdb.sql(question)
        print("", *answer.columns, sep="\t")
        for row in answer.fetchall():
            print("", *row, sep="\t")


if __name__ == "__main__":
    main()
