//! Spans of time as people write and read them: `20s`, `5m`, `2h30m`, `3d`.

use std::time::Duration;

/// Reads `390s`, `5m`, `1h30m`, `2d`, `250ms`; a bare number is refused because its unit would
/// be a guess. Gives the reason as text when it cannot.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let mut rest = text;
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err("an empty span; write for example 20s, 5m or 1h30m".into());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if digits == 0 {
            return Err(format!("{text:?} is not a span; write for example 20s, 5m or 1h30m"));
        }
        let number: u64 =
            rest[..digits].parse().map_err(|_| format!("{text:?} holds a number that is too large"))?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let part = match &rest[..letters] {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.saturating_mul(60)),
            "h" => Duration::from_secs(number.saturating_mul(3600)),
            "d" => Duration::from_secs(number.saturating_mul(86_400)),
            "" => return Err(format!("{text:?} has no unit; write ms, s, m, h or d behind the number")),
            other => return Err(format!("{other:?} in {text:?} is no unit; use ms, s, m, h or d")),
        };
        total = total.saturating_add(part);
        rest = &rest[letters..];
    }
    Ok(total)
}

/// Writes a span with its two largest units: `2h30m`, `45s`, `250ms`.
pub fn format_span(span: Duration) -> String {
    let s = span.as_secs();
    match s {
        0 => format!("{}ms", span.subsec_millis()),
        1..=59 => format!("{s}s"),
        60..=3599 => two(s / 60, "m", s % 60, "s"),
        3600..=86_399 => two(s / 3600, "h", s % 3600 / 60, "m"),
        _ => two(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

fn two(a: u64, ua: &str, b: u64, ub: &str) -> String {
    if b == 0 { format!("{a}{ua}") } else { format!("{a}{ua}{b}{ub}") }
}

/// How long ago, with one unit only, so that a column of them stays calm: `now`, `12s`, `4m`.
pub fn ago(micros: i64) -> String {
    let s = micros.max(0) / 1_000_000;
    match s {
        0..=1 => "now".into(),
        2..=59 => format!("{s}s"),
        60..=3599 => format!("{}m", s / 60),
        3600..=86_399 => format!("{}h", s / 3600),
        _ => format!("{}d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["20s", "5m", "1h30m", "2d", "250ms", "1m5s"] {
            assert_eq!(format_span(parse_span(text).unwrap()), text);
        }
        assert!(parse_span("20").unwrap_err().contains("unit"));
        assert!(parse_span("").is_err());
        assert!(parse_span("5 minutes").is_err());
    }
}
