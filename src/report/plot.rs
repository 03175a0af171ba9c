//! Plots as inline SVG, coloured by the style of [`html::Page`](super::html::Page).

use super::html::escape;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Width of all plots in units of the drawing: about that of a phone, so that 14 units of text can be read there.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
/// Margins of a plot: left, right, top, bottom.
const MARGIN: (f64, f64, f64, f64) = (56.0, 14.0, 14.0, 50.0);
/// Height of a bar with its name and margin.
const BAR: f64 = 42.0;
/// Room for the figure beside the longest bar.
const FIGURE: f64 = 60.0;
/// Characters of a name that fit above its bar, wide ones too.
const NAME: usize = 32;

/// Points of one curve. The first curve has round marks, the second square ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the legend says.
    pub name: String,
    /// Its points, by x.
    pub points: Vec<(f64, f64)>,
}

/// Curves over one x axis.
#[derive(Debug, Clone, PartialEq)]
pub struct LinePlot {
    /// What it shows.
    pub title: String,
    /// The same in words, for those who cannot see it.
    pub description: String,
    /// What x is.
    pub x_label: String,
    /// What y is.
    pub y_label: String,
    /// Least and largest x.
    pub x_range: (f64, f64),
    /// Least and largest y.
    pub y_range: (f64, f64),
    /// At most two curves.
    pub series: Vec<Series>,
    /// Whether the line y = x is drawn.
    pub diagonal: bool,
}

/// Round numbers that cut a range into about five parts, smallest first.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let width = high - low;
    if !width.is_finite() || width <= 0.0 {
        return vec![low];
    }
    let rough = width / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|n| n as f64 * step).collect()
}

/// A number as short as it can be and still differ from its neighbours.
fn short(number: f64) -> String {
    let text = if number.abs() >= 1000.0 {
        let thousands = number / 1000.0;
        return format!("{}k", short(thousands));
    } else {
        format!("{number:.3}")
    };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-" { "0".to_owned() } else { text.to_owned() }
}

impl LinePlot {
    /// The plot. `id` must differ from those of all other plots of the page.
    #[must_use]
    pub fn to_svg(&self, id: &str) -> String {
        let (left, right, top, bottom) = MARGIN;
        let scale = |value: f64, range: (f64, f64), from: f64, to: f64| {
            let width = if range.1 > range.0 { range.1 - range.0 } else { 1.0 };
            from + (value.clamp(range.0, range.1) - range.0) / width * (to - from)
        };
        let x = |value: f64| scale(value, self.x_range, left, WIDTH - right);
        let y = |value: f64| scale(value, self.y_range, HEIGHT - bottom, top);
        let mut svg = open(id, HEIGHT, &self.title, &self.description);
        for tick in ticks(self.y_range.0, self.y_range.1) {
            let _ = write!(
                svg,
                "<line class=\"axis\" x1=\"{left}\" x2=\"{:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\"/>\
                 <text class=\"quiet\" x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
                WIDTH - right,
                y(tick),
                left - 8.0,
                y(tick) + 4.0,
                short(tick)
            );
        }
        for tick in ticks(self.x_range.0, self.x_range.1) {
            let _ = write!(
                svg,
                "<text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x(tick),
                HEIGHT - bottom + 18.0,
                short(tick)
            );
        }
        let middle = (top + HEIGHT - bottom) / 2.0;
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text x=\"16\" y=\"{middle:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle:.1})\">{}</text>",
            (left + WIDTH - right) / 2.0,
            HEIGHT - 10.0,
            escape(&self.x_label),
            escape(&self.y_label)
        );
        if self.diagonal {
            let low = self.x_range.0.max(self.y_range.0);
            let high = self.x_range.1.min(self.y_range.1);
            let _ = write!(
                svg,
                "<line class=\"guide\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
                x(low),
                y(low),
                x(high),
                y(high)
            );
        }
        for (place, series) in self.series.iter().enumerate() {
            let class = if place == 0 { "one" } else { "two" };
            let path: Vec<String> =
                series.points.iter().map(|&(px, py)| format!("{:.1},{:.1}", x(px), y(py))).collect();
            let _ = write!(svg, "<polyline class=\"curve {class}\" points=\"{}\"/>", path.join(" "));
            for &(px, py) in &series.points {
                svg.push_str(&mark(class, x(px), y(py)));
            }
            // The legend, unless there is nothing to tell apart.
            if self.series.len() > 1 {
                let at = HEIGHT - bottom - 14.0 - 20.0 * (self.series.len() - 1 - place) as f64;
                let from = WIDTH - right - 150.0;
                svg.push_str(&mark(class, from, at));
                let name = escape(&series.name);
                let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{name}</text>", from + 12.0, at + 4.0);
            }
        }
        svg.push_str("</svg>");
        svg
    }
}

/// One bar of [`bars`].
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What the bar is of.
    pub name: String,
    /// Its length, from 0 to 1.
    pub length: f64,
    /// The figure beside it.
    pub figure: String,
}

impl Bar {
    /// A bar of a share between 0 and 1, with three decimals of it as its figure.
    pub fn of_share(name: &str, share: f64) -> Self {
        Self { name: name.to_owned(), length: share, figure: format!("{share:.3}") }
    }
}

/// Bars, each below its name: names may be as long as a person's own labels are.
#[must_use]
pub fn bars(id: &str, title: &str, shown: &[Bar]) -> String {
    let words: Vec<String> = shown.iter().map(|bar| format!("{} {}", bar.name, bar.figure)).collect();
    let mut svg = open(id, BAR * shown.len() as f64 + 4.0, title, &words.join(", "));
    for (place, bar) in shown.iter().enumerate() {
        let top = BAR * place as f64;
        let width = (WIDTH - FIGURE) * bar.length.clamp(0.0, 1.0);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.1}\">{}</text>\
             <rect class=\"mark one\" x=\"0\" y=\"{:.1}\" width=\"{width:.1}\" height=\"14\" rx=\"2\"/>\
             <text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            top + 14.0,
            escape(&shortened(&bar.name)),
            top + 20.0,
            width + 8.0,
            top + 32.0,
            escape(&bar.figure),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A name that fits above its bar.
fn shortened(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

fn open(id: &str, height: f64, title: &str, description: &str) -> String {
    let id = escape(id);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-description\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title id=\"{id}-title\">{}</title>\
         <desc id=\"{id}-description\">{}</desc>",
        escape(title),
        escape(description)
    )
}

fn mark(class: &str, x: f64, y: f64) -> String {
    if class == "one" {
        format!("<circle class=\"mark one\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>")
    } else {
        format!(
            "<rect class=\"mark two\" x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\"/>",
            x - 4.0,
            y - 4.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let close = |found: Vec<f64>, wanted: &[f64]| {
            assert_eq!(found.len(), wanted.len(), "{found:?}");
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        };
        close(ticks(0.0, 1.0), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        close(ticks(0.0, 48_000.0), &[0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0]);
        close(ticks(0.83, 0.91), &[0.84, 0.86, 0.88, 0.9]);
        close(ticks(3.0, 3.0), &[3.0]);
        assert_eq!(ticks(0.0, f64::NAN).len(), 1);
    }

    #[test]
    fn numbers_are_short() {
        let texts: Vec<String> = [0.0, 0.2, 0.85, 10.0, 40_000.0, 2500.0].map(short).to_vec();
        assert_eq!(texts, ["0", "0.2", "0.85", "10", "40k", "2.5k"]);
    }

    #[test]
    fn a_bar_has_its_name_and_figure_however_long_the_name_is() {
        let long = "Ü".repeat(100);
        let count = |name: &str| Bar { name: name.into(), length: 1.0, figure: "7 < 8".into() };
        let svg = bars("b", "Bars", &[count(&long), Bar::of_share("<b>", 0.25)]);
        assert!(svg.contains(&format!(">{}…</text>", "Ü".repeat(NAME))) && svg.contains(">&lt;b&gt;</text>"));
        assert!(svg.contains(">7 &lt; 8</text>") && svg.contains(">0.250</text>"));
        assert!(
            svg.contains(&format!("{long} 7 &lt; 8, &lt;b&gt; 0.250")),
            "the whole of it in words: {svg}"
        );
    }

    #[test]
    fn every_point_is_drawn_and_named() {
        let plot = LinePlot {
            title: "A <title>".into(),
            description: "words".into(),
            x_label: "x".into(),
            y_label: "y".into(),
            x_range: (0.0, 1.0),
            y_range: (0.0, 1.0),
            series: vec![
                Series { name: "first".into(), points: vec![(0.0, 0.0), (0.5, 2.0)] },
                Series { name: "second".into(), points: vec![(1.0, 1.0)] },
            ],
            diagonal: true,
        };
        let svg = plot.to_svg("p");
        assert!(svg.contains("<title id=\"p-title\">A &lt;title&gt;</title>") && svg.contains("<desc"));
        assert_eq!(svg.matches("<circle").count(), 2 + 1, "two points and the legend");
        assert_eq!(svg.matches("<rect").count(), 1 + 1);
        assert!(svg.contains("first") && svg.contains("second") && svg.contains("class=\"guide\""));
        // A value beyond the range is drawn at its end.
        assert!(svg.contains("221.0,14.0"), "{svg}");
    }
}
