//! Plots as SVG, drawn by hand: bars side by side, and lines over quantiles.

use std::fmt::Write as _;

use crate::brokers::Side;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 150.0;
const TOP: f64 = 60.0;
const BAR: f64 = 11.0;
const GAP: f64 = 9.0;
const LINES_HEIGHT: f64 = 300.0;
/// How much room the numbers behind the longest bar need.
const NUMBER: f64 = 70.0;

/// One line: a value for each point, where there is one.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) side: Side,
    pub(crate) values: Vec<Option<f64>>,
}

const fn colour(side: Side) -> &'static str {
    match side {
        Side::Kafka => "#8a8f98",
        Side::Ottla => "#d9622b",
        Side::Bare => "#b9cfe4",
    }
}

fn page(title: &str, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">{title}</text>\n{body}</svg>\n"
    )
}

fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n")
}

fn legend(entries: impl IntoIterator<Item = (String, &'static str)>) -> String {
    let mut body = String::new();
    for (number, (name, colour)) in (0_u32..).zip(entries) {
        let x = 10.0 + f64::from(number) * 190.0;
        let _ =
            write!(body, "<rect x=\"{x}\" y=\"30\" width=\"10\" height=\"10\" fill=\"{colour}\"/>");
        body.push_str(&text(x + 15.0, 39.0, "start", &name));
    }
    body
}

/// A row and its bars, one a side.
pub(crate) type Group = (&'static str, [(Side, Option<f64>); 3]);

/// A group of bars for each row.
pub(crate) fn bars(title: &str, groups: &[Group]) -> String {
    let values = groups.iter().flat_map(|(_, bars)| bars).filter_map(|(_, value)| *value);
    let most = values.fold(f64::MIN_POSITIVE, f64::max);
    let mut body = legend(Side::ALL.map(|side| (side.to_string(), colour(side))));
    let mut y = TOP;
    for (name, bars) in groups {
        let bars = bars.iter().filter_map(|(side, value)| Some((*side, (*value)?)));
        body.push_str(&text(LEFT - 8.0, y + BAR, "end", name));
        for (side, value) in bars {
            let length = value / most * (WIDTH - LEFT - NUMBER);
            let fill = colour(side);
            let _ = writeln!(
                body,
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{fill}\"/>"
            );
            let number = if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") };
            body.push_str(&text(LEFT + length + 5.0, y + BAR - 1.5, "start", &number));
            y += BAR + 1.0;
        }
        y += GAP;
    }
    page(title, y + 10.0, &body)
}

/// A line for each series over the points, the values in a logarithmic scale.
pub(crate) fn lines(title: &str, points: &[&str], series: &[Series]) -> String {
    let values = || series.iter().flat_map(|it| it.values.iter().flatten().copied());
    let low = values().fold(f64::MAX, f64::min).max(0.01).log10().floor();
    let high = values().fold(0.1, f64::max).log10().ceil().max(low + 1.0);
    let step = (WIDTH - LEFT - NUMBER) / points.len() as f64;
    let x_of = |number: usize| LEFT + step * (number as f64 + 0.5);
    let y_of = |value: f64| TOP + LINES_HEIGHT * (high - value.max(0.01).log10()) / (high - low);
    let entries = series.iter().map(|it| (it.name.clone(), colour(it.side)));
    let mut body = legend(entries);
    let mut power = low;
    while power <= high {
        let (value, y) = (10_f64.powf(power), y_of(10_f64.powf(power)));
        let end = WIDTH - NUMBER;
        let _ = writeln!(
            body,
            "<line x1=\"{LEFT}\" x2=\"{end}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>"
        );
        body.push_str(&text(LEFT - 8.0, y + 4.0, "end", &format!("{value} ms")));
        power += 1.0;
    }
    for (number, point) in points.iter().enumerate() {
        let name = point.trim_end_matches(" ms");
        body.push_str(&text(x_of(number), TOP + LINES_HEIGHT + 18.0, "middle", name));
    }
    for (number, one) in series.iter().enumerate() {
        // The second pair of lines is the same two brokers under more load.
        let dashes = if number < 2 { "none" } else { "5 4" };
        let places = one.values.iter().enumerate().filter_map(|(point, value)| {
            Some(format!("{:.1},{:.1}", x_of(point), y_of((*value)?)))
        });
        let (places, stroke) = (places.collect::<Vec<_>>().join(" "), colour(one.side));
        let _ = writeln!(
            body,
            "<polyline points=\"{places}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"2\" \
             stroke-dasharray=\"{dashes}\"/>"
        );
    }
    page(title, TOP + LINES_HEIGHT + 40.0, &body)
}
