//! Runs every timeline drawn in `docs/clocks.md` and compares the lines below it. `UPDATE_EXPECT=1` writes them into
//! the page.

use domain::calendar;
use domain::clocks::{Event, Incident, Outcome, Reached, Run, State, escalation, history};
use domain::policy::{
    Clock, Commitment, Commitments, Holiday, Hours, Level, Measure, Period, Severity, Until,
    Workaround,
};
use domain::span::{Span, instant, second};
use expect_test::expect_file;
use jiff::Timestamp;

use super::working_days;

/// A drawing: its first line, and its rows.
struct Drawing<'a> {
    step_s: i64,
    from: i64,
    rules: Commitments,
    estimate: bool,
    severity: &'a str,
    rows: Vec<(&'a str, &'a str)>,
}

fn seconds(length: &str) -> i64 {
    let (number, unit) = length.split_once(' ').unwrap();
    let unit = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        other => panic!("unknown unit `{other}`"),
    };
    number.parse::<i64>().unwrap() * unit
}

fn hours(open: &str, close: &str) -> Hours {
    let time = |text: &str| text.parse().unwrap();
    Hours {
        holidays: vec![Holiday::UsFederal],
        ..Hours::on(working_days(), time(open), time(close), "UTC")
    }
}

/// `response 1 h, update 2 h` of a severity.
fn severity(id: &str, promises: &str) -> Severity {
    let mut severity = Severity {
        id: id.to_owned(),
        ..Severity::default()
    };
    for promise in promises.split(", ") {
        let (word, length) = promise.split_once(' ').unwrap();
        let (length, measure) = match length.strip_suffix(" of business time") {
            Some(length) => (length, Measure::Business),
            None => (length, Measure::Elapsed),
        };
        let commitment = Some(Commitment {
            within_s: seconds(length),
            measure,
            during: Period::Always,
            estimate: false,
        });
        match word {
            "response" => severity.respond = commitment,
            "update" => severity.update = commitment,
            "resolution" => severity.resolve = commitment,
            other => panic!("unknown promise `{other}`"),
        }
    }
    severity
}

/// `2 after 1 h unless responded` of every severity.
fn level(text: &str) -> Level {
    let mut words = text.splitn(2, " after ");
    let level = words.next().unwrap().parse().unwrap();
    let rest = words.next().unwrap();
    let (after, unless) = match rest.split_once(" unless ") {
        Some((after, unless)) => (after, Some(unless)),
        None => (rest, None),
    };
    Level {
        level,
        severities: Vec::new(),
        during: Period::Always,
        after_s: Some(seconds(after)),
        measure: Measure::Elapsed,
        unless: unless.map(|milestone| match milestone {
            "acknowledged" => Until::Acknowledged,
            "responded" => Until::Responded,
            "resolved" => Until::Resolved,
            other => panic!("unknown milestone `{other}`"),
        }),
        contacts: vec![format!("contact-{level}")],
        cumulative: false,
    }
}

impl<'a> Drawing<'a> {
    fn of(block: &'a str) -> Self {
        let mut lines = block.lines();
        let first = lines.next().unwrap();
        let mut drawing = Drawing {
            step_s: 0,
            from: 0,
            rules: Commitments::default(),
            estimate: false,
            severity: "",
            rows: Vec::new(),
        };
        for item in first.split("; ") {
            drawing.item(item);
        }
        for severity in &mut drawing.rules.severities {
            if let Some(respond) = &mut severity.respond {
                respond.estimate = drawing.estimate;
            }
        }
        for line in lines.take_while(|line| line.contains('|')) {
            let mut parts = line.split('|');
            let (name, cells) = (parts.next().unwrap().trim(), parts.next().unwrap());
            match name {
                "severity" => drawing.severity = cells,
                "acts" | "pause" => drawing.rows.push((name, cells)),
                // The program draws the others.
                _ => {}
            }
        }
        drawing
    }

    fn item(&mut self, item: &str) {
        let after = |prefix: &str| item.strip_prefix(prefix);
        if let Some(rest) = after("one letter = ") {
            let (step, from) = rest.split_once(" from ").unwrap();
            self.step_s = seconds(step);
            self.from = second(format!("{}Z", from.replace(' ', "T")).parse().unwrap());
        } else if let Some(rest) = after("business hours ") {
            let (open, close) = rest.split_once(" to ").unwrap();
            self.rules.business_hours = Some(hours(open, close));
        } else if let Some(text) = after("level ") {
            self.rules.escalation.push(level(text));
        } else if item == "a response needs an estimate" {
            self.estimate = true;
        } else if let Some(rest) = after("a workaround lowers ") {
            let (from, to) = rest.split_once(" to ").unwrap();
            let severity = self.rules.severities.iter_mut().find(|s| s.id == from);
            severity.unwrap().workaround = Some(Workaround::LowersTo(to.to_owned()));
        } else {
            let (id, promises) = item.split_once(": ").unwrap();
            self.rules.severities.push(severity(id, promises));
        }
    }

    fn at(&self, letter: usize) -> Timestamp {
        instant(self.from + i64::try_from(letter).unwrap() * self.step_s)
    }

    fn end(&self) -> Timestamp {
        self.at(self.severity.len())
    }

    /// The severity of a letter: the one that begins with it.
    fn id(&self, letter: char) -> &str {
        let mut severities = self.rules.severities.iter();
        let severity = severities.find(|s| s.id.starts_with(letter));
        &severity
            .unwrap_or_else(|| panic!("no severity {letter}"))
            .id
    }

    fn incident(&self) -> Incident {
        let letters: Vec<char> = self.severity.chars().collect();
        let first = letters.iter().position(|letter| *letter != ' ').unwrap();
        let mut events = Vec::new();
        for (n, pair) in letters.windows(2).enumerate().skip(first) {
            if pair[0] != pair[1] && pair[1] != ' ' {
                let severity = self.id(pair[1]).to_owned();
                events.push((self.at(n + 1), Event::Severity(severity)));
            }
        }
        for (name, cells) in &self.rows {
            let mut before = ' ';
            for (n, letter) in cells.chars().chain([' ']).enumerate() {
                let at = self.at(n);
                match (*name, letter) {
                    ("pause", 'p') if before != 'p' => events.push((at, Event::Paused)),
                    ("pause", ' ') if before == 'p' && n < cells.len() => {
                        events.push((at, Event::Resumed));
                    }
                    ("acts", letter) => {
                        events.extend(acts(letter).into_iter().map(|event| (at, event)));
                    }
                    _ => {}
                }
                before = letter;
            }
        }
        events.sort_by_key(|(at, _)| *at);
        Incident {
            started: self.at(first),
            severity: self.id(letters[first]).to_owned(),
            request: None,
            events,
        }
    }

    /// The rows that the program draws, and the lines below them.
    fn result(&self) -> String {
        let incident = self.incident();
        let runs = history(&self.rules, &incident, self.end()).unwrap();
        let mut text = String::new();
        if let Some(hours) = &self.rules.business_hours {
            let open = calendar::open(hours, Span::new(self.at(0), self.end())).unwrap();
            let is_open = |letter| open.contains(second(self.at(letter)));
            text += &self.row("open", |letter| if is_open(letter) { '=' } else { ' ' });
        }
        for clock in Clock::ALL {
            let of: Vec<&Run> = runs.iter().filter(|run| run.clock == clock).collect();
            if !of.is_empty() {
                text += &self.row(clock.word(), |letter| self.letter(&of, letter));
            }
        }
        let levels = escalation(&self.rules, &incident, self.end()).unwrap();
        if !levels.is_empty() {
            text += &self.row("levels", |letter| self.level_letter(&levels, letter));
        }
        for clock in Clock::ALL {
            let of = runs.iter().filter(|run| run.clock == clock);
            for (n, run) in of.enumerate() {
                text += &format!("{} {}: {}\n", clock.word(), n + 1, self.words(run));
            }
        }
        for level in &levels {
            let state = match level.state {
                State::Notified => "notified",
                State::ByPerson => "notified by a person",
                State::PassedOn => "notified, because the level below was not reached",
                State::Skipped => "skipped",
                State::Pending => "not yet",
            };
            let due = level.due.map_or(String::new(), |due| self.time(due));
            text += &format!("level {}: {due} {state}\n", level.level);
        }
        text
    }

    fn row(&self, name: &str, letter: impl Fn(usize) -> char) -> String {
        let cells: String = (0..self.severity.len()).map(letter).collect();
        format!("{name:>10} |{cells}|\n")
    }

    /// The letter of a clock: the number of the run that starts, `!` from its warning on, else `-`.
    fn letter(&self, runs: &[&Run], letter: usize) -> char {
        let (from, to) = (self.at(letter), self.at(letter + 1));
        let run = runs.iter().enumerate().rev();
        let mut run = run.filter(|(_, run)| run.started < to && from < ended(run, self.end()));
        let Some((n, run)) = run.next() else {
            return ' ';
        };
        if from <= run.started {
            return char::from_digit(u32::try_from(n + 1).unwrap() % 10, 10).unwrap();
        }
        if run.warned.is_some_and(|warned| warned <= from) {
            '!'
        } else {
            '-'
        }
    }

    fn level_letter(&self, levels: &[Reached], letter: usize) -> char {
        let (from, to) = (self.at(letter), self.at(letter + 1));
        let mut here = levels
            .iter()
            .filter(|level| level.state != State::Pending)
            .filter(|level| level.due.is_some_and(|due| from <= due && due < to));
        match here.next_back() {
            Some(level) if level.state == State::Skipped => 'x',
            Some(level) => char::from_digit(u32::from(level.level), 10).unwrap(),
            None => ' ',
        }
    }

    /// A time of day, with the weekday if it is not the first day.
    fn time(&self, at: Timestamp) -> String {
        let day = |at: Timestamp| at.strftime("%F").to_string();
        let format = match day(at) == day(self.at(0)) {
            true => "%H:%M",
            false => "%a %H:%M",
        };
        let text = at.strftime(format).to_string();
        match second(at) % 60 {
            0 => text,
            seconds => format!("{text}:{seconds:02}"),
        }
    }

    fn words(&self, run: &Run) -> String {
        let mut text = run.severity.clone();
        let parts = [
            ("due", run.due),
            ("warned", run.warned),
            ("answered", run.answered),
        ];
        for (word, at) in parts {
            text += &at.map_or(String::new(), |at| format!(", {word} {}", self.time(at)));
        }
        if run.paused.seconds() > 0 {
            text += &format!(", paused {} min", run.paused.seconds() / 60);
        }
        let result = match run.result {
            Outcome::Running => "running",
            Outcome::Met => "met",
            Outcome::Missed => "missed",
            Outcome::NotNeeded => "not needed",
            Outcome::Merged => "merged",
        };
        format!("{text}: {result}")
    }
}

fn acts(letter: char) -> Vec<Event> {
    let responded = |with_estimate| Event::Responded { with_estimate };
    match letter {
        ' ' => Vec::new(),
        'R' => vec![responded(false)],
        'E' => vec![responded(true)],
        'U' => vec![responded(false), Event::Updated],
        'A' => vec![Event::Acknowledged],
        'X' => vec![Event::Escalated],
        'W' => vec![Event::Workaround],
        'V' => vec![Event::Recovered, Event::Resolved],
        'M' => vec![Event::Merged],
        other => panic!("unknown act `{other}`"),
    }
}

/// The end of the time in which a run was open.
fn ended(run: &Run, end: Timestamp) -> Timestamp {
    match run.result {
        Outcome::Met => run.answered.unwrap(),
        Outcome::Missed => run.due.unwrap(),
        Outcome::Running => end,
        Outcome::NotNeeded | Outcome::Merged => run.ended.unwrap(),
    }
}

/// A drawing with what the program adds to it.
fn computed(block: &str) -> String {
    let drawing = Drawing::of(block);
    let mut lines = block.lines();
    let mut text = format!("{}\n", lines.next().unwrap());
    for line in lines {
        let name = line.split('|').next().unwrap().trim();
        if line.contains('|') && matches!(name, "severity" | "acts" | "pause") {
            text += line;
            text.push('\n');
        }
    }
    text + &drawing.result()
}

#[test]
fn every_timeline_of_a_clock_in_the_documentation_has_the_lines_that_stand_below_it() {
    const FENCE: &str = "```timeline\n";
    let file = expect_file!["../../../../docs/clocks.md"];
    let page = file.data();
    let mut parts = page.split(FENCE);
    let mut wanted = parts.next().unwrap().to_owned();
    let mut count = 0;
    for part in parts {
        let (block, rest) = part.split_once("```\n").unwrap();
        wanted += &format!("{FENCE}{}```\n{rest}", computed(block));
        count += 1;
    }
    assert!(count > 15, "{count} timelines");
    file.assert_eq(&wanted);
}
