//! The table, and the complaints in public that each class of violation explains.

use std::collections::BTreeMap;
use std::fmt;

use super::{Rival, Score};

/// A class of violations that every algorithm can be asked about.
struct Class {
    property: &'static str,
    words: [&'static str; 2],
    complaint: &'static str,
}

const CLASSES: [Class; 7] = [
    Class {
        property: "P1",
        words: ["duplicate", "records"],
        complaint: "demisto/content #29782: duplicate ingestion; ServiceNow v2 README: raising the look-back later makes duplicates",
    },
    Class {
        property: "P2",
        words: ["incidents", "without record"],
        complaint: "demisto/content #44282: incidents missed by the fetch",
    },
    Class {
        property: "P3",
        words: ["lost", "updates"],
        complaint: "Azure-Sentinel #13584: an incident that was reopened never updates, until its watermark is set back by hand",
    },
    Class {
        property: "P4",
        words: ["never", "in step"],
        complaint: "demisto/content #29900 and azure-sentinel-tools #4: a conflict is logged and both sides differ for ever",
    },
    Class {
        property: "P5",
        words: ["echo", "writes"],
        complaint: "demisto/content #20267 (a sibling pack): the echo of an own close came back and closed again",
    },
    Class {
        property: "P6",
        words: ["comments lost,", "doubled, swapped"],
        complaint: "demisto/content #33761: older notes not mirrored; release notes 11.0.9 of the ServiceNow app: missing comments",
    },
    Class {
        property: "P7",
        words: ["closing fields", "overwritten"],
        complaint: "demisto/content #20267 (a sibling pack): closed again with the wrong reason; published source (2021): close code and notes are always overwritten",
    },
];

/// Violations of each property, and incidents.
#[derive(Default)]
struct Row {
    incidents: u64,
    found: BTreeMap<&'static str, u64>,
    /// The first violation of each property, with its seed.
    first: BTreeMap<&'static str, (u64, String)>,
}

/// What came of a range of seeds.
pub struct Board {
    pub seeds: u64,
    rows: BTreeMap<Rival, Row>,
}

impl Board {
    pub fn new(seeds: u64) -> Self {
        Self { seeds, rows: BTreeMap::new() }
    }

    pub fn add(&mut self, rival: Rival, seed: u64, score: Score) {
        let row = self.rows.entry(rival).or_default();
        row.incidents += score.incidents;
        for v in score.violations {
            *row.found.entry(v.property).or_default() += 1;
            let first = row.first.entry(v.property).or_insert((seed, v.text.clone()));
            if seed < first.0 {
                *first = (seed, v.text);
            }
        }
    }
}

impl Board {
    /// True when a rival broke nothing at all.
    pub fn is_clean(&self, rival: Rival) -> bool {
        self.rows.get(&rival).is_none_or(|row| row.found.is_empty())
    }
}

impl Row {
    /// Violations of a class; of no class, those of every other property.
    fn of(&self, class: Option<&Class>) -> u64 {
        match class {
            Some(class) => self.found.get(class.property).copied().unwrap_or(0),
            None => {
                let other = |p: &&str| CLASSES.iter().all(|c| c.property != *p);
                self.found.iter().filter(|(p, _)| other(p)).map(|(_, n)| n).sum()
            }
        }
    }
}

fn name(rival: Rival) -> &'static str {
    match rival {
        Rival::Engine => "diptych",
        Rival::StoreApp => "store app, model (published source, 2021)",
        Rival::Xsoar => "XSOAR packs, model (published source)",
    }
}

const NAME: usize = 42;
const CELL: usize = 17;

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Violations per 1,000 incidents, {} seeds", self.seeds)?;
        for line in 0..2 {
            write!(f, "{:NAME$}{:>10}", "", ["", "incidents"][line])?;
            for class in &CLASSES {
                write!(f, "{:>CELL$}", class.words[line])?;
            }
            writeln!(f, "{:>CELL$}", ["other", "properties"][line])?;
        }
        for (rival, row) in &self.rows {
            write!(f, "{:NAME$}{:>10}", name(*rival), row.incidents)?;
            for class in CLASSES.iter().map(Some).chain([None]) {
                let rate = row.of(class) as f64 * 1000.0 / row.incidents.max(1) as f64;
                write!(f, "{rate:>CELL$.1}")?;
            }
            writeln!(f)?;
        }
        writeln!(
            f,
            "\nA model passes once a minute, or as seldom as the engine does in that script. What an algorithm"
        )?;
        writeln!(
            f,
            "does not offer is not counted against it: XSOAR packs carry no owners and no notes to Sentinel."
        )?;
        writeln!(f, "\nComplaints in public that such violations explain")?;
        for class in &CLASSES {
            writeln!(f, "  {:32}{}", class.words.join(" "), class.complaint)?;
        }
        writeln!(f, "\nThe first of each")?;
        for (rival, row) in &self.rows {
            for class in &CLASSES {
                if let Some((seed, text)) = row.first.get(class.property) {
                    writeln!(f, "  {}, {}, seed {seed}: {text}", name(*rival), class.words.join(" "))?;
                }
            }
        }
        Ok(())
    }
}
