//! What a sandbox is started with, and how its flags read.

use std::path::PathBuf;
use std::str::FromStr;

use super::faults::Profile;
use super::latency::Latency;

/// How strictly the servers limit calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Throttle {
    /// No limit at all.
    #[default]
    Free,
    /// The token buckets of Azure Resource Manager, and the four REST threads with a queue of 50
    /// that one ServiceNow node has (documented).
    Arm,
    /// As `Arm`, and the documented minimum of the Sentinel provider: 100 reads and 75 writes of
    /// a kind in five minutes.
    Floor,
}

impl Throttle {
    /// `free`, `arm` or `floor`.
    pub fn name(self) -> &'static str {
        match self {
            Throttle::Free => "free",
            Throttle::Arm => "arm",
            Throttle::Floor => "floor",
        }
    }
}

impl FromStr for Throttle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Throttle::Free, Throttle::Arm, Throttle::Floor]
            .into_iter()
            .find(|t| t.name() == text)
            .ok_or_else(|| format!("{text:?} is no throttle; use free, arm or floor"))
    }
}

/// Everything that can be chosen about a sandbox.
#[derive(Clone, Debug, PartialEq)]
pub struct SandboxOptions {
    /// Decides the whole initial world and the analysts' script.
    pub seed: u64,
    /// Incidents in the beginning, over all workspaces.
    pub incidents: usize,
    /// Number of workspaces.
    pub workspaces: usize,
    /// Acts of simulated analysts per second over both sides; 0 for none.
    pub analysts: f64,
    /// Injected delays.
    pub latency: Latency,
    /// Call limits.
    pub throttle: Throttle,
    /// Faults from the first call on.
    pub faults: Profile,
    /// Plain HTTP instead of TLS with an own CA.
    pub plain: bool,
    /// Folder that receives `ca.pem`; made with mode 0700 if absent. None writes no file, which
    /// only a plain sandbox or a caller that takes the CA from [`super::Sandbox::ca_pem`] wants.
    pub dir: Option<PathBuf>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            incidents: 40,
            workspaces: 1,
            analysts: 0.0,
            latency: Latency::default(),
            throttle: Throttle::Free,
            faults: Profile::None,
            plain: false,
            dir: None,
        }
    }
}

/// Most incidents that a sandbox fills itself with.
pub const MAX_INCIDENTS: usize = 200_000;

impl SandboxOptions {
    /// Gives the reason when a value is out of its range.
    pub fn check(&self) -> Result<(), String> {
        if self.workspaces == 0 || self.workspaces > 50 {
            return Err(format!("{} workspaces; a sandbox has 1 to 50", self.workspaces));
        }
        if self.incidents > MAX_INCIDENTS {
            return Err(format!("{} incidents; a sandbox holds at most {MAX_INCIDENTS}", self.incidents));
        }
        if !(0.0..=1000.0).contains(&self.analysts) {
            return Err(format!("{} acts per second; use 0 to 1000", self.analysts));
        }
        Ok(())
    }

    /// Names of the workspaces, the same for the same number.
    pub fn workspace_names(&self) -> Vec<String> {
        const NAMES: [&str; 6] =
            ["soc-emea", "soc-americas", "soc-apac", "plant-ot", "mail-edge", "cloud-core"];
        (0..self.workspaces)
            .map(|i| NAMES.get(i).map_or_else(|| format!("soc-{:02}", i + 1), |n| (*n).to_owned()))
            .collect()
    }
}

/// Reads acts per second: `2`, `0.5`, `1/s`, `30/m`.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let (number, divisor) = match text.split_once('/') {
        None | Some((_, "s")) => (text.trim_end_matches("/s"), 1.0),
        Some((number, "m")) => (number, 60.0),
        Some((number, "h")) => (number, 3600.0),
        Some((_, unit)) => return Err(format!("{unit:?} is no unit of a rate; use s, m or h")),
    };
    let rate: f64 = number.parse().map_err(|_| format!("{text:?} is no rate; write for example 1/s"))?;
    if !(0.0..=1000.0).contains(&(rate / divisor)) {
        return Err(format!("{text:?} is out of range; use 0 to 1000 acts per second"));
    }
    Ok(rate / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_with_and_without_unit() {
        assert_eq!(parse_rate("2"), Ok(2.0));
        assert_eq!(parse_rate("0.5/s"), Ok(0.5));
        assert_eq!(parse_rate("30/m"), Ok(0.5));
        assert!(parse_rate("fast").is_err());
        assert!(parse_rate("-1").is_err());
        assert!(parse_rate("NaN").is_err());
        assert!(parse_rate("1/d").unwrap_err().contains("unit"));
    }

    #[test]
    fn ranges_are_checked_and_names_are_distinct() {
        let options = SandboxOptions { workspaces: 9, ..SandboxOptions::default() };
        assert_eq!(options.check(), Ok(()));
        let mut names = options.workspace_names();
        names.dedup();
        assert_eq!(names.len(), 9);
        assert!(SandboxOptions { workspaces: 0, ..options.clone() }.check().is_err());
        assert!(SandboxOptions { analysts: f64::NAN, ..options.clone() }.check().is_err());
        assert!(SandboxOptions { incidents: usize::MAX, ..options }.check().is_err());
        assert_eq!("floor".parse(), Ok(Throttle::Floor));
        assert!("full".parse::<Throttle>().is_err());
    }
}
