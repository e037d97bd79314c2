//! Runs every timeline drawn in `docs/accounting.md` and compares the figures below it.
//! `UPDATE_EXPECT=1` writes the figures into the page.

use domain::id::IncidentId;
use domain::policy::Target;
use domain::span::Span;
use expect_test::expect_file;

use super::drawn::{Drawing, draw};

/// The number in a text such as `270 s` or `90 %`.
fn number(text: &str) -> i64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// The indices of outages in a text such as `O-1 O-2`.
fn outages(text: &str) -> impl Iterator<Item = usize> {
    text.split(' ')
        .map(|id| usize::try_from(number(id)).unwrap() - 1)
}

/// Adds a line of the picture to a drawing.
fn add(drawing: Drawing, name: &str, line: &str, options: &str) -> Drawing {
    let option = |key: &str| {
        let mut options = options.split(',').map(str::trim);
        options.find_map(|o| Some(number(o.strip_prefix(key)?)))
    };
    match name {
        "declared" => drawing.declared(line),
        "fault" => drawing.fault(line),
        "exclusion" => drawing.exclusion(line),
        _ if name.starts_with("window-") => drawing.window_with(
            line,
            option("max_downtime"),
            option("start_grace").unwrap_or(0),
            option("made at letter").map(|at| usize::try_from(at).unwrap()),
        ),
        other => panic!("unknown line `{other}`"),
    }
}

/// Applies an item of the first line to a drawing.
fn apply(mut drawing: Drawing, item: &str) -> Drawing {
    let (key, value) = item.split_once(" = ").unwrap();
    let n = || number(value);
    let ppm = || u32::try_from(n() * 10_000).unwrap();
    match key {
        "degraded" => drawing.policy(|p| p.degraded_is_down = true),
        "unknown" => drawing.policy(|p| p.unknown_is_down = true),
        "ignore_outages_shorter_than" => drawing.policy(|p| p.ignore_shorter_s = n()),
        "monthly_allowance" => drawing.policy(|p| p.monthly_allowance_s = Some(n())),
        "min_coverage" => drawing.policy(|p| p.min_coverage_ppm = ppm()),
        "target" => {
            drawing.target = Some(Target { ppm: ppm() });
            drawing
        }
        "reclassified" => {
            outages(value).for_each(|o| drawing.history.outages[o].reclassified = true);
            drawing
        }
        "flapping" => {
            outages(value).for_each(|o| drawing.history.outages[o].flapping = Some(IncidentId(1)));
            drawing
        }
        "period" => {
            let (from, to) = value.split_once(" to ").unwrap();
            let at = |text| drawing.at(usize::try_from(number(text)).unwrap());
            drawing.period = Some(Span::new(at(from), at(to)));
            drawing
        }
        other => panic!("unknown key `{other}`"),
    }
}

/// A drawing with the figures that the code computes for it.
fn computed(block: &str) -> String {
    let mut lines = block.lines();
    let first = lines.next().unwrap();
    let mut items = first.split("; ");
    let step_s = number(items.next().unwrap());
    let mut picture = String::new();
    let mut drawing: Option<Drawing> = None;
    for line in lines.take_while(|line| line.contains('|')) {
        let mut parts = line.splitn(3, '|');
        let (name, cells, options) = (parts.next(), parts.next(), parts.next());
        let (name, cells) = (name.unwrap().trim(), cells.unwrap());
        if name.is_empty() {
            break;
        }
        picture += line;
        picture.push('\n');
        drawing = Some(match drawing {
            None => draw(step_s, cells),
            Some(drawing) => add(drawing, name, cells, options.unwrap().trim()),
        });
    }
    let mut drawing = drawing.unwrap();
    let mut show_figures = false;
    for item in items {
        if item == "show figures" {
            show_figures = true;
        } else {
            drawing = apply(drawing, item);
        }
    }
    let mut text = format!("{first}\n{picture}{}", drawing.result());
    if show_figures {
        text += &drawing.figures_in_words();
    }
    text
}

#[test]
fn every_timeline_in_the_documentation_has_the_figures_that_stand_below_it() {
    const FENCE: &str = "```timeline\n";
    let file = expect_file!["../../../../docs/accounting.md"];
    let page = file.data();
    let mut parts = page.split(FENCE);
    let mut wanted = parts.next().unwrap().to_owned();
    let mut count = 0;
    for part in parts {
        let (block, rest) = part.split_once("```\n").unwrap();
        wanted += FENCE;
        wanted += &computed(block);
        wanted += "```\n";
        wanted += rest;
        count += 1;
    }
    assert!(count > 25, "{count} timelines");
    file.assert_eq(&wanted);
}
