"""The same features and model in PySpark, local mode on one core, with Spark's own stages only (no
Python code per row until the finished texts are written).

    python spark_peer.py train ANNOTATED MODEL
    python spark_peer.py predict MODEL INPUT OUTPUT       # text files to annotation files
"""

import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

from corpus import CLASS_WEIGHTS, labelled_blocks
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import IDF, CountVectorizer, IndexToString, SQLTransformer, StringIndexer, VectorAssembler
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

LABELS = list(CLASS_WEIGHTS)


def session(memory="4g"):
    return (
        SparkSession.builder.master("local[1]")
        .appName("peer")
        .config("spark.driver.memory", memory)
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.log.level", "ERROR")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )


def stages():
    tokens = SQLTransformer(
        statement="SELECT *, filter(split(lower(text), '\\\\s+'), w -> w != '') AS words FROM __THIS__"
    )
    endings = SQLTransformer(
        statement="SELECT *, flatten(transform(words, w -> filter(array(right(w, 2), right(w, 3), right(w, 4)), "
        "(s, i) -> length(w) >= i + 2))) AS endings FROM __THIS__"
    )
    return [
        tokens,
        endings,
        CountVectorizer(inputCol="words", outputCol="word_counts", vocabSize=3600, minDF=2.0),
        CountVectorizer(inputCol="endings", outputCol="ending_counts", vocabSize=400, minDF=2.0),
        IDF(inputCol="word_counts", outputCol="word_tfidf", minDocFreq=2),
        IDF(inputCol="ending_counts", outputCol="ending_tfidf", minDocFreq=2),
        VectorAssembler(inputCols=["word_tfidf", "ending_tfidf"], outputCol="features"),
    ]


def train(annotated, model_path):
    spark = session()
    pairs = labelled_blocks([annotated])
    data = spark.createDataFrame([(text, label, CLASS_WEIGHTS[label]) for text, label in pairs], ["text", "label_name", "weight"])
    data = data.repartition(4).cache()
    index = StringIndexer(inputCol="label_name", outputCol="label").fit(data)
    regression = LogisticRegression(maxIter=100, regParam=0.01, weightCol="weight", family="multinomial")
    back = IndexToString(inputCol="prediction", outputCol="answer", labels=index.labels)
    fitted = Pipeline(stages=stages() + [regression]).fit(index.transform(data))
    PipelineModel(stages=fitted.stages + [back]).write().overwrite().save(model_path)
    spark.stop()


def predict(model_path, source, target):
    spark = session()
    model = PipelineModel.load(model_path)
    whole = spark.read.text(source, wholetext=True, recursiveFileLookup=True, pathGlobFilter="*.txt")
    paragraphs = (
        whole.select(F.input_file_name().alias("path"), F.posexplode(F.split("value", r"\n[ \t\r\f]*\n\s*")).alias("number", "text"))
        .where(F.trim("text") != "")
    )
    answers = model.transform(paragraphs)
    block = F.concat(F.lit("[@"), F.col("text"), F.lit("#"), F.col("answer"), F.lit("*]"))
    documents = answers.groupBy("path").agg(F.sort_array(F.collect_list(F.struct("number", block.alias("block")))).alias("blocks"))
    finished = documents.select("path", F.concat(F.concat_ws("\n\n", F.col("blocks.block")), F.lit("\n")).alias("annotation"))
    source_root, target_root = str(Path(source).resolve()), str(Path(target).resolve())

    def write(rows):
        for row in rows:
            path = Path(unquote(urlparse(row.path).path))
            out = Path(target_root) / (str(path.relative_to(source_root)) + ".ann")
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(row.annotation, encoding="utf-8")

    finished.foreachPartition(write)
    spark.stop()


if __name__ == "__main__":
    {"train": train, "predict": predict}[sys.argv[1]](*sys.argv[2:])
