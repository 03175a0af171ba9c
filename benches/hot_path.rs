//! How many megabytes per second each step of the hot path takes: segment, transform, score.
//!
//! `cargo bench --bench hot_path`, on the shipped long sample document, once over for each shipped model.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use skol_classifier::document::Paragraph;
use skol_classifier::model::Model;
use skol_classifier::segment::segment_into;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

fn longest_sample() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/documents");
    let files = walkdir::WalkDir::new(folder).into_iter().filter_map(Result::ok);
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    texts.max_by_key(String::len).expect("a sample document")
}

fn hot_path(criterion: &mut Criterion) {
    let text = longest_sample();
    let mut group = criterion.benchmark_group("hot path");
    group.throughput(Throughput::Bytes(text.len() as u64));
    let mut spans = Vec::new();
    group.bench_function("segment", |bencher| {
        bencher.iter(|| {
            spans.clear();
            segment_into(black_box(&text), &mut spans);
        });
    });
    // A filter on the command line may have left the step above out.
    spans.clear();
    segment_into(&text, &mut spans);
    let paragraphs = Paragraph::tile(&text, &spans).0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    for name in ["logistic_words_suffixes", "context"] {
        let bytes = std::fs::read(folder.join(format!("{name}.skol"))).expect("a shipped model");
        let model = Arc::new(Model::from_bytes(&bytes, name).expect("a model"));
        group.bench_function(format!("transform, {name}"), |bencher| {
            bencher.iter(|| model.features().transform(black_box(&paragraphs)));
        });
        let mut scorer = model.scorer();
        group.bench_function(format!("score, {name}"), |bencher| {
            bencher.iter(|| scorer.score(black_box(&paragraphs)).labels.len());
        });
        group.bench_function(format!("load, {name}"), |bencher| {
            let load = |bytes: Vec<u8>| Arc::new(Model::from_bytes(&bytes, name).expect("a model")).scorer();
            bencher.iter_batched(|| bytes.clone(), load, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, hot_path);
criterion_main!(benches);
