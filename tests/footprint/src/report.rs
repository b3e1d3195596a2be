//! The figures as Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::bars;
use crate::firmware::{DEFAULT, EXTENSIONS};
use crate::measure::Measured;
use crate::owner::Owner;
use crate::panics;
use crate::ram::{Group, total};
use crate::run::BODY;
use crate::stack::StackFrame;
use crate::table::{Column, Table, grouped};

/// Owners with less in every set share a line.
const SMALL: i64 = 256;
/// How many functions are listed by their code, and by their stack.
const FUNCTIONS: usize = 40;
const FRAMES: usize = 20;
/// How many functions that are called through pointers.
const POINTERS: usize = 5;

/// All that was measured, in the order of the sets. `None`: the image does not fit the board.
pub type Results = Vec<Outcome>;

/// A set's name and figures.
type Outcome = (&'static str, Option<Measured>);

/// The whole report. The sections about one set are about [`DEFAULT`], or the first that fits.
pub fn report(origin: &str, results: &Results) -> String {
    let mut text = format!("{origin}\n\n");
    let fitting = || {
        results
            .iter()
            .filter_map(|(name, m)| Some((*name, m.as_ref()?)))
    };
    let chosen = fitting().find(|(name, _)| *name == DEFAULT);
    let is_extension = |name: &str| EXTENSIONS.iter().any(|set| set.name == name);
    let basic = results.iter().filter(|(name, _)| !is_extension(name));
    section(&mut text, "Feature sets", &sets(basic));
    if let Some((_, base)) = chosen {
        let more = fitting().filter(|(name, _)| is_extension(name));
        let heading = format!("What each extension adds to {DEFAULT}");
        section(&mut text, &heading, &extensions(base, more));
    }
    let Some((name, measured)) = chosen.or_else(|| fitting().next()) else {
        return text;
    };
    if name == DEFAULT {
        section(&mut text, "The bars", &bars(measured));
    }
    let all: Vec<_> = fitting().filter(|(name, _)| !is_extension(name)).collect();
    section(&mut text, "Flash by crate and layer", &owners(&all));
    let largest = measured.stack_frames.iter().take(FRAMES);
    let pointers = measured.behind_pointers.iter().take(POINTERS);
    for (heading, table) in [
        ("Static memory", memory(measured)),
        ("Largest functions", functions(measured)),
        ("Largest stack frames", stack_frames(largest)),
        ("The deepest calls", deepest(&measured.deepest)),
        (
            "Called through pointers, with all that they call",
            stack_frames(pointers),
        ),
        ("Panic sites", sites(measured)),
    ] {
        section(&mut text, &format!("{heading}: {name}"), &table);
    }
    text
}

fn section(text: &mut String, heading: &str, table: &str) {
    // Writing to a string cannot fail.
    write!(text, "### {heading}\n\n{table}\n").ok();
}

fn bars(measured: &Measured) -> String {
    let mut table = Table::new(&[
        ("bytes", Column::Text),
        ("measured", Column::Number),
        ("the gate allows", Column::Number),
        ("goal", Column::Number),
    ]);
    let mut row = |name: &str, figure: String, bar: u64, goal: u64| {
        table.row([name, &figure, &grouped(bar as i64), &grouped(goal as i64)]);
    };
    let memory = total(&measured.statics, Group::Client);
    row(
        "flash of the client",
        number(measured.flash),
        bars::FLASH_MAX,
        bars::FLASH_GOAL,
    );
    row(
        "static memory of the client",
        number(memory),
        bars::MEMORY_MAX,
        bars::MEMORY_GOAL,
    );
    row(
        "peak stack",
        stack(measured, None),
        bars::STACK_MAX,
        bars::STACK_GOAL,
    );
    table.into_text()
}

fn sets<'a>(results: impl Iterator<Item = &'a Outcome>) -> String {
    let received = format!("stack: {} KB received", BODY / 1024);
    let counted = format!("instructions: {} KB received", BODY / 1024);
    let mut table = Table::new(&[
        ("features", Column::Text),
        ("flash of the client", Column::Number),
        ("whole image", Column::Number),
        ("static memory of the client", Column::Number),
        ("stack: handshake", Column::Number),
        (&received, Column::Number),
        ("instructions: handshake", Column::Number),
        (&counted, Column::Number),
    ]);
    for (name, measured) in results {
        let Some(measured) = measured else {
            table.row([*name, "more than the board has", "", "", "", "", "", ""]);
            continue;
        };
        table.row([
            (*name).to_owned(),
            number(measured.flash),
            number(measured.image),
            number(total(&measured.statics, Group::Client)),
            stack(measured, Some("handshake")),
            stack(measured, Some("get")),
            instructions(measured, "handshake"),
            instructions(measured, "get"),
        ]);
    }
    table.into_text()
}

/// Differences to `base`.
fn extensions<'a>(
    base: &Measured,
    more: impl Iterator<Item = (&'static str, &'a Measured)>,
) -> String {
    let mut table = Table::new(&[
        ("feature", Column::Text),
        ("flash", Column::Number),
        ("static memory", Column::Number),
        ("peak stack", Column::Number),
        ("instructions: handshake", Column::Number),
        ("instructions: 64 KB received", Column::Number),
    ]);
    let difference = |with: Option<u64>, without: Option<u64>| match (with, without) {
        (Some(with), Some(without)) => grouped(with as i64 - without as i64),
        _ => "not run".to_owned(),
    };
    let memory = |measured: &Measured| Some(total(&measured.statics, Group::Client));
    for (name, measured) in more {
        let counted = |phase| difference(count(measured, phase), count(base, phase));
        table.row([
            format!("`{name}`"),
            difference(Some(measured.flash), Some(base.flash)),
            difference(memory(measured), memory(base)),
            difference(peak(measured, None), peak(base, None)),
            counted("handshake"),
            counted("get"),
        ]);
    }
    table.into_text()
}

/// The highest stack in a phase, or in all.
fn peak(measured: &Measured, phase: Option<&str>) -> Option<u64> {
    let phases = measured.phases.iter();
    let chosen = phases.filter(|p| phase.is_none_or(|name| p.name == name));
    chosen.map(|p| p.stack).max()
}

/// The instructions of a phase.
fn count(measured: &Measured, phase: &str) -> Option<u64> {
    let found = measured.phases.iter().find(|p| p.name == phase);
    found.map(|phase| phase.instructions)
}

fn stack(measured: &Measured, phase: Option<&str>) -> String {
    peak(measured, phase).map_or_else(|| "not run".to_owned(), number)
}

fn instructions(measured: &Measured, phase: &str) -> String {
    count(measured, phase).map_or_else(|| "not run".to_owned(), number)
}

/// A column for each set; owners with little are summed.
fn owners(fitting: &[(&'static str, &Measured)]) -> String {
    let mut columns = vec![("crate, layer", Column::Text)];
    columns.extend(fitting.iter().map(|(name, _)| (*name, Column::Number)));
    let mut table = Table::new(&columns);
    let bytes = |owner: &Owner, measured: &Measured| {
        measured
            .owners
            .get(owner)
            .copied()
            .unwrap_or_default()
            .sum()
    };
    let all: BTreeSet<&Owner> = fitting.iter().flat_map(|(_, m)| m.owners.keys()).collect();
    let largest = |owner: &Owner| {
        let sizes = fitting.iter().map(|(_, m)| bytes(owner, m).abs());
        sizes.max().unwrap_or_default()
    };
    let mut listed: Vec<&Owner> = all.into_iter().filter(|o| largest(o) >= SMALL).collect();
    listed.sort_by_key(|owner| (!owner.is_engine(), -largest(owner)));
    for owner in &listed {
        let cells = fitting.iter().map(|(_, m)| grouped(bytes(owner, m)));
        table.row(std::iter::once(owner.to_string()).chain(cells));
    }
    let rest = fitting.iter().map(|(_, m)| {
        let shown: i64 = listed.iter().map(|owner| bytes(owner, m)).sum();
        grouped(m.flash as i64 - shown)
    });
    table.row(std::iter::once("all others".to_owned()).chain(rest));
    let ours = fitting.iter().map(|(_, m)| {
        let engine = m.owners.iter().filter(|(owner, _)| owner.is_engine());
        grouped(engine.map(|(_, bytes)| bytes.sum()).sum())
    });
    table.row(std::iter::once("**quicpro-core, all layers**".to_owned()).chain(ours));
    let sums = fitting.iter().map(|(_, m)| number(m.flash));
    table.row(std::iter::once("**flash of the client**".to_owned()).chain(sums));
    table.into_text()
}

fn memory(measured: &Measured) -> String {
    let mut table = Table::new(&[
        ("static", Column::Text),
        ("whose", Column::Text),
        ("bytes", Column::Number),
    ]);
    for item in &measured.statics {
        let name = format!("`{}`", item.name);
        table.row([&name, item.group.name(), &number(item.bytes)]);
    }
    for group in [Group::Client, Group::Network, Group::Board] {
        let sum = number(total(&measured.statics, group));
        table.row(["**all**", group.name(), &sum]);
    }
    table.into_text()
}

fn functions(measured: &Measured) -> String {
    let mut table = Table::new(&[
        ("function", Column::Text),
        ("crate, layer", Column::Text),
        ("file", Column::Text),
        ("bytes", Column::Number),
    ]);
    let mut functions: Vec<_> = measured.functions.iter().collect();
    functions.sort_by_key(|(_, bytes)| -**bytes);
    for ((owner, file, name), bytes) in functions.into_iter().take(FUNCTIONS) {
        let name = match name.as_str() {
            "" => "no name".to_owned(),
            name => format!("`{name}`"),
        };
        table.row([name, owner.to_string(), file.clone(), grouped(*bytes)]);
    }
    table.into_text()
}

fn stack_frames<'a>(frames: impl Iterator<Item = &'a StackFrame>) -> String {
    let mut table = Table::new(&[("function", Column::Text), ("bytes", Column::Number)]);
    for frame in frames {
        table.row([format!("`{}`", frame.function), number(frame.bytes.into())]);
    }
    table.into_text()
}

/// With the sum below.
fn deepest(frames: &[StackFrame]) -> String {
    let mut text = stack_frames(frames.iter());
    let sum: u32 = frames.iter().map(|frame| frame.bytes).sum();
    // Writing to a string cannot fail.
    writeln!(text, "| **all** | {} |", number(sum.into())).ok();
    text
}

/// By owner; what is called most often there is named.
fn sites(measured: &Measured) -> String {
    let mut table = Table::new(&[
        ("crate, layer", Column::Text),
        ("sites", Column::Number),
        ("of these", Column::Text),
    ]);
    let mut counts: Vec<_> = panics::by_owner(&measured.sites).into_iter().collect();
    counts.sort_by_key(|(owner, count)| (!owner.is_engine(), usize::MAX - count));
    for (owner, count) in &counts {
        let mut called: BTreeMap<&str, usize> = BTreeMap::new();
        for site in measured
            .sites
            .iter()
            .filter(|site| site.place.owner == *owner)
        {
            *called.entry(&site.called).or_default() += 1;
        }
        let named: Vec<String> = called
            .iter()
            .map(|(name, n)| format!("{n} `{name}`"))
            .collect();
        table.row([owner.to_string(), count.to_string(), named.join(", ")]);
    }
    table.row(["**all**", &measured.sites.len().to_string(), ""]);
    table.into_text()
}

/// Every site of the engine, for whoever wants to remove it.
pub fn engine_sites(measured: &Measured) -> String {
    let mut lines = BTreeSet::new();
    for site in measured
        .sites
        .iter()
        .filter(|site| site.place.owner.is_engine())
    {
        let place = &site.place;
        lines.insert(format!(
            "{}:{} {} calls {}\n",
            place.file, place.line, place.function, site.called
        ));
    }
    lines.into_iter().collect()
}

fn number(bytes: u64) -> String {
    grouped(bytes as i64)
}
