"""Ask questions of many traces at once, with Polars.

    python3 examples/analytics/with_polars.py 'traces/*.parquet'

`busprobe import -o run.parquet` and `busprobe export -o run.parquet` make the files.
"""

import sys

import polars as pl


def twice(accesses: pl.LazyFrame) -> pl.LazyFrame:
    """Which offsets were written twice in which run?"""
    return (
        accesses.filter(pl.col("dir") == "W")
        .group_by("run", "window", "offset")
        .agg(writes=pl.len())
        .filter(pl.col("writes") > 1)
        .sort("run", "offset")
        .select("run", "offset", "writes")
    )


def hottest(accesses: pl.LazyFrame) -> pl.LazyFrame:
    """Which functions touch the device most?"""
    return (
        accesses.with_columns(function=pl.col("symbol").fill_null("?"))
        .group_by("function")
        .agg(accesses=pl.len(), runs=pl.col("run").n_unique())
        .sort("accesses", "function", descending=[True, False])
        .head(10)
    )


def drift(traces: pl.LazyFrame) -> pl.LazyFrame:
    """Which operation is not the same in all runs?

    One is what lies between two marks; its writes are exact when no word came twice.
    """
    mark = pl.when(pl.col("t") == "mark").then(pl.col("text"))
    verdicts = (
        traces.filter(pl.col("seq").is_not_null())
        .sort("run", "seq")
        .with_columns(operation=mark.forward_fill().over("run"))
        .filter(pl.col("t") == "access", pl.col("dir") == "W", pl.col("operation").is_not_null())
        .group_by("operation", "run")
        .agg(writes=pl.len(), words=pl.col("offset").n_unique())
        .with_columns(
            verdict=pl.when(pl.col("writes") == pl.col("words"))
            .then(pl.lit("once"))
            .otherwise(pl.lit("again"))
        )
    )
    differs = pl.col("verdict").n_unique().over("operation") > 1
    return verdicts.filter(differs).sort("operation", "run")


def lost(traces: pl.LazyFrame) -> pl.LazyFrame:
    """What was not seen?"""
    losses = traces.filter(pl.col("t") == "loss").sort("run", "seq")
    return losses.select("run", "kind", "detail")


def main() -> None:
    """Prints the answers to all questions."""
    # Lazy: the files are read as far as a question needs them.
    traces = pl.scan_parquet(sys.argv[1], include_file_paths="path").with_columns(
        run=pl.col("path").str.split("/").list.last()
    )
    accesses = traces.filter(pl.col("t") == "access")
    for question in [twice(accesses), hottest(accesses), drift(traces), lost(traces)]:
        answer = question.collect()
        print("", *answer.columns, sep="\t")
        for row in answer.iter_rows():
            print("", *row, sep="\t")


if __name__ == "__main__":
    main()
