//! The figures that the README gives by hand are those of the models' cards.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The cells of a table's row, without the bars.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// The cells of the first row of `card` that begins with `name`, below `heading`.
fn row<'a>(card: &'a str, heading: &str, name: &str) -> Vec<&'a str> {
    let (_, below) = card.split_once(heading).unwrap();
    below.lines().map(cells).find(|cells| cells[0] == name).unwrap_or_else(|| panic!("no row {name}"))
}

/// As the README writes a figure of a card: `.970` for `0.970`, `.88` with two digits.
fn short(figure: &str, digits: usize) -> String {
    let value: f64 = figure.parse().unwrap();
    format!("{value:.digits$}").trim_start_matches('0').to_owned()
}

#[test]
fn the_table_of_models_is_that_of_their_cards() {
    let readme = read("README.md");
    let rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| [`")).map(cells).collect();
    assert_eq!(rows.len(), 3);
    for cells in rows {
        let (_, path) = cells[0].split_once('(').unwrap();
        let card = read(path.split_once(')').unwrap().0);
        let of_three = if cells[0].contains("--collapse") { ", collapsed to three" } else { "" };
        let figures = |what: &str| row(&card, "## Figures", &format!("{what}{of_three}"));
        let (blocks, lines) = (figures("blocks"), figures("lines"));
        let expected = [blocks[1], blocks[2], lines[2]].map(|figure| short(figure, 3));
        assert_eq!(cells[2..], expected, "{}", cells[0]);
    }
}

#[test]
fn the_fine_labels_figures_are_those_of_their_card() {
    let (readme, card) = (read("README.md").replace('\n', " "), read("models/context_fine.md"));
    let f1 = |label: &str| short(row(&card, "### Each label, blocks", label)[3], 2);
    let [header, references, figures, keys] = ["Page-header", "Bibliography", "Figure", "Key"].map(f1);
    let told = format!(
        "page headers, references, figures and keys well (F1 {header}, {references}, {figures}, {keys}), tables \
         less ({})",
        f1("Table")
    );
    assert!(readme.contains(&told), "README.md does not say: {told}");
}
