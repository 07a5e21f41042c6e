//! What analysts write: mostly plain sentences, some of several lines, some in other scripts, and
//! now and then something hostile that they pasted.

/// Comments and work notes; `{t}` is where the reference goes.
const NOTES: &[&str] = &[
    "Checked with the user by phone, the sign-in was theirs. Keeping it open until the log confirms it. {t}",
    "Isolated the device at 10:42. EDR collection runs, result expected within the hour. {t}",
    "No further activity from that address since last night. {t}",
    "Same pattern as last Tuesday, see the other ticket. {t}",
    "Handing over to the night shift.\n\nOpen points:\n - proxy log for 02:00–04:00\n - owner of the service account\n - is the vendor informed?\n\n{t}",
    "Asked the mail team to purge the message from all mailboxes. {t}",
    "Token revoked, password reset, user has to register MFA again. {t}",
    "I disagree with the severity: the account has no access to the production subscription. {t}",
    "Verdict of the sandbox: clean. Hash not known to anybody else. {t}",
    "Firewall block is in place since 11:05 (change approved by the duty manager). {t}",
    "Führe das Gespräch mit dem Betriebsrat, bitte nichts weiter unternehmen – Grüße aus Köln. {t}",
    "端末を隔離しました。利用者には電話で連絡済みです。{t}",
    "L'utilisateur confirme : « oui, c'était moi ». À clore après vérification du VPN. {t}",
    "تم التواصل مع المستخدم. {t}",
    "Looks fine to me 👍🏽 closing soon. {t}",
    "Command line from the host:\n\n    rundll32.exe comsvcs.dll, MiniDump 624 C:\\t.dmp full\n\nNot ours. {t}",
    "Query used:\nSigninLogs | where UserPrincipalName =~ 'x' and ResultType != 0 | summarize count() by bin(TimeGenerated, 1h)\n{t}",
    "Waiting for the vendor, promised an answer by Monday. {t}",
    "False alarm of the new rule? Third one this week with the same parent process. {t}",
    "a < b && c > d; \"quoted\" and 'quoted' and 100% sure. {t}",
    "2026-01-31 23:00:05 - Beth Anglin (Work notes)\nthis line was pasted from another ticket. {t}",
    "{t}",
];

/// Pasted by somebody who did not think, or who did.
const HOSTILE: &[&str] = &[
    "From the log: \u{1b}[31mALERT\u{1b}[0m \u{1b}]0;owned\u{7} {t}",
    "File was named invoice_\u{202e}txt.exe by the sender. {t}",
    "[code]<img src=x onerror=alert(1)>[/code] was in the subject line {t}",
    "<script>alert('note')</script> {t} <div class=\"snow\">not an echo</div>",
    "zero\u{200b}width and \u{feff}marks, and a null-ish \u{2028}line separator {t}",
    "^ORnumber=INC0000001^EQ javascript:gs.getUserID() {t}",
    "=cmd|'/C calc'!A0 {t}",
    "Ḧ̵̡̛͔́̿ḛ̶̢̛̅l̷̨̛͖̈́p̸̡̛̫͑ {t}",
];

const CLOSINGS: &[&str] = &[
    "Confirmed with the owner, no damage. {t}",
    "Contained and cleaned. Root cause: reused password. {t}",
    "Planned test of the red team, see their calendar. {t}",
    "Rule matched a scanner that is allowed. Rule owner informed. {t}",
    "Nothing more to be found in the logs that we still have. {t}",
    "Wiederhergestellt aus Sicherung, Ursache behoben. {t}",
];

/// A comment or work note with the token in it.
pub(crate) fn comment(rng: &mut fastrand::Rng, token: &str) -> String {
    let from = if rng.f64() < 0.06 { HOSTILE } else { NOTES };
    place(from[rng.usize(..from.len())], token)
}

/// Closing words.
pub(crate) fn closing(rng: &mut fastrand::Rng, token: &str) -> String {
    place(CLOSINGS[rng.usize(..CLOSINGS.len())], token)
}

/// `text` with the reference where it belongs; without one, something still remains to be said.
fn place(text: &str, token: &str) -> String {
    if !token.is_empty() {
        return text.replace("{t}", &format!("Ref {token}."));
    }
    match text.replace("{t}", "").trim() {
        "" => "Looking into it.".to_owned(),
        rest => rest.to_owned(),
    }
}

/// The HTML that the portal's editor makes of what somebody typed.
pub(crate) fn portal_html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.split("\n\n").map(|p| format!("<p>{}</p>", p.replace('\n', "<br>"))).collect()
}

/// The first words of a text, for a log line.
pub(crate) fn gist(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    crate::text::fit(line, 48)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_carries_its_token_and_none_is_empty() {
        for text in NOTES.iter().chain(HOSTILE).chain(CLOSINGS) {
            assert!(place(text, "AB-1").contains("Ref AB-1."), "{text}");
            assert!(!place(text, "").contains("{t}"));
            assert!(!place(text, "").is_empty());
        }
    }

    #[test]
    fn the_portal_writes_paragraphs_and_escapes_markup() {
        assert_eq!(portal_html("a<b\nc\n\nd"), "<p>a&lt;b<br>c</p><p>d</p>");
    }
}
