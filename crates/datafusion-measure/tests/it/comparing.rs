//! Two runs compared by the program, as a build does it: text and exit code.

use std::path::Path;
use std::process::Command;

use datafusion_measure::{Instrumentation, Verbosity};

use super::support::{context, filters, numbers};

async fn run(steps: usize, path: &Path) {
    let measure = Instrumentation::new(Verbosity::Info).with_output(std::io::sink());
    let ctx = measure.attach(context(2));
    let frame = filters(numbers(&ctx, 100, 2), steps);
    measure.analyze_dataframe(&frame, "orders", false).await.unwrap();
    measure.named(frame, "all orders").collect().await.unwrap();
    measure.metrics().write(path, "").unwrap();
}

fn compare(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_datafusion-measure")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_plan_that_grew_fails_a_build_and_one_that_did_not_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (before, after) = (path("before.json"), path("after.json"));
    run(10, Path::new(&before)).await;
    run(13, Path::new(&after)).await;
    let (code, text, _) = compare(&["compare", &before, &after]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("dataframes.orders.lineage_depth: 11 -> 14 (+27 %)"), "{text}");
    assert!(text.contains("queries['all orders'].lineage_depth: 11 -> 14 (+27 %)"), "{text}");
    assert!(text.contains("Plans that grew by more than 10 %:"), "{text}");
    let with_sign = compare(&["compare", &before, &after, "--limit=400"]);
    let (code, text, _) = compare(&["compare", &before, &after, "--limit", "400"]);
    assert_eq!((with_sign.0, &with_sign.1), (code, &text));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("No plan grew by more than 400 %.\n"), "{text}");
    assert_eq!(compare(&["compare", &before, &before]).0, Some(0));
    assert_eq!(compare(&["compare", &after, &before]).0, Some(0), "smaller is not grown");
}

#[tokio::test]
async fn what_cannot_be_compared_is_said_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.json");
    run(1, &good).await;
    let good = good.to_str().unwrap();
    let prom = folder.path().join("metrics.prom");
    std::fs::write(&prom, "# HELP x\n").unwrap();
    let list = folder.path().join("list.json");
    std::fs::write(&list, "[]").unwrap();
    for (bad, reason) in [
        (folder.path().join("missing.json"), "cannot read '"),
        (prom, "is not JSON"),
        (list, "a JSON object is expected"),
    ] {
        let (code, text, error) = compare(&["compare", good, bad.to_str().unwrap()]);
        assert_eq!((code, text.as_str()), (Some(2), ""));
        assert!(error.contains(reason) && error.contains("Metrics::write"), "{error}");
    }
    for arguments in [&["compare"][..], &["compare", good, good, "--limit", "-3"], &["measure", good]] {
        let (code, _, error) = compare(arguments);
        assert!(code == Some(2) && error.contains("usage: datafusion-measure compare"), "{error}");
    }
}
