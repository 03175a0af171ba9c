"""The same features and model in scikit-learn: words (3600) and word endings (400), TF-IDF without
normalisation, multinomial logistic regression with class weights.

    python sklearn_peer.py train ANNOTATED MODEL
    python sklearn_peer.py predict MODEL INPUT OUTPUT     # text files to annotation files
"""

import pickle
import sys
from pathlib import Path

import numpy as np
from corpus import CLASS_WEIGHTS, annotate, files_below, labelled_blocks, paragraphs, read
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression


def words(text):
    return text.lower().split()


def endings(text):
    return [word[-n:] for word in text.lower().split() for n in (2, 3, 4) if len(word) >= n]


def by_document_frequency(analyzer, size, texts):
    """A vectorizer whose vocabulary is the `size` entries found in most paragraphs, at least in two."""
    every = CountVectorizer(analyzer=analyzer, binary=True, min_df=2).fit(texts)
    frequency = np.asarray(every.transform(texts).sum(axis=0)).ravel()
    names = every.get_feature_names_out()
    best = sorted(np.argsort(-frequency, kind="stable")[:size])
    return CountVectorizer(analyzer=analyzer, vocabulary=[names[j] for j in best])


def features(vectorizers, texts):
    from scipy.sparse import hstack

    return hstack([v.transform(texts) for v in vectorizers], format="csr")


def train(annotated, model_path):
    pairs = labelled_blocks([annotated])
    texts, labels = [p[0] for p in pairs], [p[1] for p in pairs]
    vectorizers = [by_document_frequency(words, 3600, texts), by_document_frequency(endings, 400, texts)]
    counts = features(vectorizers, texts)
    tfidf = TfidfTransformer(norm=None).fit(counts)
    tfidf.idf_ = tfidf.idf_ - 1.0  # Spark's idf: ln((n + 1) / (df + 1))
    model = LogisticRegression(max_iter=100, class_weight=CLASS_WEIGHTS)
    model.fit(tfidf.transform(counts), labels)
    with open(model_path, "wb") as file:
        pickle.dump((vectorizers, tfidf, model), file)


def predict(model_path, source, target):
    with open(model_path, "rb") as file:
        vectorizers, tfidf, model = pickle.load(file)
    source, target = Path(source), Path(target)
    for path in files_below([source], (".txt",)):
        parts = paragraphs(read(path))
        labels = model.predict(tfidf.transform(features(vectorizers, parts))) if parts else []
        out = target / (str(path.relative_to(source)) + ".ann")
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(annotate(parts, labels), encoding="utf-8")


def kernel():
    """Which linear algebra kernel numpy runs, for the record."""
    from threadpoolctl import threadpool_info

    print("; ".join(sorted({f"{i.get('internal_api')} {i.get('architecture', '')}".strip() for i in threadpool_info()})))


if __name__ == "__main__":
    {"train": train, "predict": predict, "kernel": kernel}[sys.argv[1]](*sys.argv[2:])
