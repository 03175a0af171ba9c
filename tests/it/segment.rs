//! The segmenter on invented pages in the genre: which lines make a paragraph.

use skol_classifier::document::Paragraph;
use skol_classifier::segment::segment;

/// The paragraphs of `text`, their lines joined by ` / `.
fn paragraphs(text: &str) -> Vec<String> {
    let (paragraphs, _) = Paragraph::tile(text, &segment(text));
    paragraphs.iter().map(|p| p.text.lines().map(str::trim).collect::<Vec<_>>().join(" / ")).collect()
}

/// An invented article with all that pages hold.
const ARTICLE: &str = "\u{feff}\
NEW AND RARE AGARICS FROM THE DUNES OF NORDERLAND

A. B. Muster & C. Beispiel

Department of Botany, University of Norderland, Seestrasse 12,
1234 Norderland

ABSTRACT

Two species of Amanita are described from coastal dunes, one of them new to
science. A key to the species of the region is given, with notes on their eco-
logy and distribution. All material is kept in the herbarium at Norderland.

INTRODUCTION

The dunes of Norderland have been searched for fungi since the days of Vor-
gänger (1871), who listed forty species. Later authors added little. During a
survey from 1998 to 2004 the present authors met with several agarics that
could not be named with the literature at hand.

TAXONOMY

Amanita arenaria Muster & Beispiel, sp. nov. Figs. 1-3
MycoBank MB 000000
≡ Agaricus arenarius Vorgänger, Fl. Norderl. 2: 113. 1871, nom. inval.
= Amanita litoralis Dritter, Acta Fung. 4: 22. 1903.

Pileus 35-80 mm broad, convex, then plane, pale ochraceous, covered with flat
whitish patches; margin not striate. Lamellae free, crowded, white. Stipe 50-90
x 8-14 mm, white, with a small bulb. Flesh white, unchanging. Smell of radish.
Spores 9-11 x 6-7.5 µm, ellipsoid, amyloid. Basidia four-spored, without clamps.

Holotype: Norderland, dunes west of the lighthouse, 3 Oct. 1999, Muster 412 (NL).
Etymology: arenarius, of the sand.
Habitat and distribution: in bare sand among Ammophila, known from the type
locality only.
\u{c}14 Acta Fungorum Norderlandiae 7 (2005)

The species is close to Amanita rubra, from which it is told by the amyloid
spores and the pale pileus. It fruits late in the year.

Fig. 1. Amanita arenaria. a. Basidiocarps; b. spores; c. basidia. Bars: a = 2 cm,
b-c = 10 µm.

Table 1. Measures of spores (in µm) in three collections.

Collection    Length    Width    Q
Muster 412    9.1-10.8  6.0-7.2  1.5
Muster 415    9.0-11.0  6.1-7.5  1.5

KEY TO THE SPECIES

1. Pileus red ........................................... A. rubra
1. Pileus of other colours .............................. 2
2. Spores amyloid ....................................... A. arenaria
2. Spores not amyloid ................................... A. communis

REFERENCES

Dritter, E. 1903. Die Pilze der Inseln. Acta Fung. 4: 1-88.
Vorgänger, F. 1871. Flora von Norderland. Band 2. Norderland: Selbstverlag des
Verfassers.
\u{c}Muster & Beispiel: Agarics of Norderland 15
";

#[test]
fn an_article() {
    insta::assert_snapshot!(paragraphs(ARTICLE).join("\n"));
}

#[test]
fn line_ends_do_not_matter() {
    let expected = paragraphs(ARTICLE);
    assert_eq!(paragraphs(&ARTICLE.replace('\n', "\r\n")), expected);
    assert_eq!(
        paragraphs(&ARTICLE.replace('\n', "\r")).iter().map(|p| p.replace('\r', " / ")).collect::<Vec<_>>(),
        expected
    );
}
