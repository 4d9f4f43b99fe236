"""Ask questions of many traces at once, with Spark: on this machine, or on a cluster.

    python3 examples/analytics/with_spark.py 'traces/*.parquet'

`busprobe import -o run.parquet` and `busprobe export -o run.parquet` make the files.
"""

import sys

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F


def twice(accesses: DataFrame) -> DataFrame:
    """Which offsets were written twice in which run?"""
    return (
        accesses.where("dir = 'W'")
        .groupBy("run", "window", "offset")
        .agg(F.count("*").alias("writes"))
        .where("writes > 1")
        .orderBy("run", "offset")
        .select("run", "offset", "writes")
    )


def hottest(accesses: DataFrame) -> DataFrame:
    """Which functions touch the device most?"""
    return (
        accesses.groupBy(F.coalesce("symbol", F.lit("?")).alias("function"))
        .agg(F.count("*").alias("accesses"), F.countDistinct("run").alias("runs"))
        .orderBy(F.desc("accesses"), "function")
        .limit(10)
    )


def drift(traces: DataFrame) -> DataFrame:
    """Which operation is not the same in all runs?

    One is what lies between two marks; its writes are exact when no word came twice.
    """
    until_here = Window.partitionBy("run").orderBy("seq")
    mark = F.when(F.col("t") == "mark", F.col("text"))
    verdicts = (
        traces.where("seq IS NOT NULL")
        .withColumn("operation", F.last(mark, ignorenulls=True).over(until_here))
        .where("t = 'access' AND dir = 'W' AND operation IS NOT NULL")
        .groupBy("operation", "run")
        .agg(F.count("*").alias("writes"), F.countDistinct("offset").alias("words"))
        .withColumn("verdict", F.expr("CASE WHEN writes = words THEN 'once' ELSE 'again' END"))
    )
    of_operation = Window.partitionBy("operation")
    differs = F.size(F.collect_set("verdict").over(of_operation)) > 1
    return (
        verdicts.withColumn("differs", differs)
        .where("differs")
        .drop("differs")
        .orderBy("operation", "run")
    )


def lost(traces: DataFrame) -> DataFrame:
    """What was not seen?"""
    return traces.where("t = 'loss'").orderBy("run", "seq").select("run", "kind", "detail")


def main() -> None:
    """Prints the answers to all questions."""
    # What `spark-submit` and spark-defaults.conf say goes before what is said here.
    session = (
        SparkSession.builder.appName("busprobe")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    traces = session.read.option("mergeSchema", "true").parquet(sys.argv[1])
    # Spark has no unsigned 64-bit integers, and reads them as decimal(20, 0).
    traces = traces.withColumn("run", F.element_at(F.split(F.input_file_name(), "/"), -1))
    accesses = traces.where("t = 'access'")
    for question in [twice(accesses), hottest(accesses), drift(traces), lost(traces)]:
        print("", *question.columns, sep="\t")
        for row in question.collect():
            print("", *row, sep="\t")
    session.stop()


if __name__ == "__main__":
    main()
