//! A small world to look at: fourteen links, two lanes, a conversation, hostile text among it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::console::{Detail, Effects, Model, Msg, Setup, TableVersion, update};
use crate::mapping::TableSet;
use crate::model::ledger::{AuditDraft, AuditRow, Lease};
use crate::model::settings::*;
use crate::model::view::*;
use crate::model::*;
use crate::text::{Stamp, UntrustedText};

pub fn now() -> Stamp {
    Stamp::parse_rfc3339("2026-11-21T14:03:20Z").unwrap()
}

pub fn before(seconds: u64) -> Stamp {
    now().minus(Duration::from_secs(seconds))
}

pub fn soc() -> WorkspaceKey {
    WorkspaceKey::new("soc").unwrap()
}

pub fn contoso() -> InstanceKey {
    InstanceKey::new("contoso").unwrap()
}

fn table() -> TableName {
    TableName::new("incident").unwrap()
}

pub fn settings() -> EngineSettings {
    EngineSettings {
        workspaces: vec![WorkspaceSettings {
            key: soc(),
            name: "law-soc-prod".into(),
            enabled: true,
            route: Route {
                instance: contoso(),
                table: table(),
                shape: RecordShape::for_table(&table()),
                on_create: BTreeMap::new(),
                caller: String::new(),
                related_rows: RelatedRows::Off,
                affected_users: UserRows::default(),
                state_path: Default::default(),
                aggregate: Default::default(),
            },
            filter: Filter::default(),
            max_age: Duration::from_secs(86_400 * 30),
            poll: Duration::from_secs(20),
            overlap: Duration::from_secs(300),
            policies: Policies::default(),
            first_contact: FirstContact::Go,
            born_closed: BornClosed::Skip,
            store_app: StoreApp::Ignore,
            closed_partner: ClosedPartner::Reopen,
            number_label: String::new(),
            customer_comments: Default::default(),
            customer_word: "[customer]".into(),
            leak_guard: Default::default(),
            create_after: Duration::ZERO,
            alerts: AlertNotes::Note,
            alert_reads: 80,
            mass_change: 50,
            write_rate: 120,
            in_flight: 4,
        }],
        instances: Vec::new(),
        lease: Duration::from_secs(30),
        lease_margin: Duration::from_secs(5),
        holder: "noor@soc-jump01:4411".into(),
        seed: 1,
    }
}

pub fn setup(theme: &str) -> Setup {
    Setup {
        settings: settings(),
        environment: "sandbox".into(),
        who: "noor".into(),
        readonly: false,
        theme: theme.into(),
        ascii: false,
        mouse: true,
        background: None,
        now: now(),
    }
}

struct Line(
    i64,
    &'static str,
    [&'static str; 2],
    [&'static str; 2],
    [&'static str; 2],
    u64,
    Step,
    &'static str,
    &'static str,
);

const LINES: &[Line] = &[
    Line(
        4723,
        "INC0010036",
        ["High", "High"],
        ["Active", "In Progress"],
        ["Noor Haddad", "Noor Haddad"],
        41,
        Step::InStep,
        "Impossible travel: sign-ins from Amsterdam and Lagos within 11 minutes",
        "",
    ),
    Line(
        4722,
        "INC0010035",
        ["High", "Medium"],
        ["Active", "In Progress"],
        ["Zoë Lindqvist", "Zoë Lindqvist"],
        95,
        Step::Pending,
        "Encoded PowerShell started by Office on FIN-LT-0231",
        "severity goes to ServiceNow",
    ),
    Line(
        4721,
        "INC0010034",
        ["Medium", "High"],
        ["New", "New"],
        ["", "Kenji 佐藤"],
        160,
        Step::Conflict,
        "Mass download by a user who gave notice",
        "severity: both sides changed it since 13:52",
    ),
    Line(
        4720,
        "",
        ["Low", ""],
        ["New", ""],
        ["", ""],
        170,
        Step::Pending,
        "Rare user agent on an Exchange front end",
        "its record is being created",
    ),
    Line(
        4719,
        "INC0010033",
        ["Medium", "Medium"],
        ["Active", "On Hold"],
        ["Beth Anglin", "Beth Anglin"],
        420,
        Step::InStep,
        "Dormant service principal signs in after 214 days",
        "",
    ),
    Line(
        4718,
        "INC0010032",
        ["High", "High"],
        ["Active", "In Progress"],
        ["Amara Okafor", "Amara Okafor"],
        900,
        Step::InStep,
        "Ransom note written on 3 hosts: RESTORE_FILES.txt",
        "",
    ),
    Line(
        4717,
        "INC0010031",
        ["Informational", "Informational"],
        ["New", "New"],
        ["", ""],
        2_400,
        Step::InStep,
        "New admin consent for an unverified app: \"Calendar\u{202e}gpj.exe",
        "",
    ),
    Line(
        4716,
        "INC0010030",
        ["Low", "Low"],
        ["Closed", "Resolved"],
        ["Tomás Rivera", "Tomás Rivera"],
        3_700,
        Step::InStep,
        "Port scan from a vulnerability scanner",
        "",
    ),
    Line(
        4715,
        "INC0010029",
        ["Medium", "Medium"],
        ["Closed", "In Progress"],
        ["Beth Anglin", "Beth Anglin"],
        4_100,
        Step::Error,
        "Mailbox rule forwards to an external address",
        "ServiceNow refused the close: data policy wants a cause (403)",
    ),
    Line(
        4714,
        "INC0010028",
        ["High", "High"],
        ["Active", "Awaiting vendor"],
        ["Noor Haddad", "Noor Haddad"],
        7_900,
        Step::Held,
        "Beaconing to a young domain, 300 s period",
        "state 18 (Awaiting vendor) has no row in the status table",
    ),
    Line(
        4713,
        "INC0010027",
        ["Low", "Low"],
        ["Active", "In Progress"],
        ["Kenji 佐藤", "Kenji 佐藤"],
        11_000,
        Step::InStep,
        "日本語の件名: 不審なログオン",
        "",
    ),
    Line(
        4712,
        "INC0010026",
        ["Medium", "Medium"],
        ["Closed", "Closed"],
        ["Zoë Lindqvist", "Zoë Lindqvist"],
        90_000,
        Step::InStep,
        "Suspicious inbox manipulation\u{1b}[31m rule",
        "",
    ),
    Line(
        4711,
        "INC0010023",
        ["High", "High"],
        ["Closed", "Closed"],
        ["Amara Okafor", "Amara Okafor"],
        180_000,
        Step::Merged,
        "Multi-stage incident on two endpoints",
        "merged into soc/4718",
    ),
    Line(
        4709,
        "INC0010020",
        ["Low", "Low"],
        ["Active", "In Progress"],
        ["Gone Person", "Gone Person"],
        260_000,
        Step::InStep,
        "TLS certificate of a partner expired",
        "",
    ),
];

pub fn rows() -> Vec<LinkView> {
    LINES.iter().enumerate().map(|(i, l)| row(i as i64 + 1, l)).collect()
}

fn row(id: i64, l: &Line) -> LinkView {
    let pair = |p: [&'static str; 2]| Pair::new(UntrustedText::from(p[0]), UntrustedText::from(p[1]));
    LinkView {
        id: LinkId(id),
        workspace: soc(),
        instance: contoso(),
        table: table(),
        incident: IncidentId::new(&format!("guid-{}", l.0)),
        incident_number: l.0,
        record_number: l.1.into(),
        sys_id: SysId::new("9d385017c611228701d22104cc95c371"),
        title: l.7.into(),
        severity: pair(l.2),
        status: pair(l.3),
        owner: pair(l.4),
        created: before(l.5 + 600),
        changed: before(l.5),
        step: l.6,
        why: l.8.into(),
        in_filter: true,
        entries: Pair::new(2, 1),
        url: Pair::new(
            format!("https://portal.azure.com/#asset/Incident/{}", l.0).into(),
            if l.1.is_empty() {
                "".into()
            } else {
                format!("https://contoso.service-now.com/nav_to.do?uri={}", l.1).into()
            },
        ),
        closed: matches!(l.3, ["Closed", "Closed" | "Resolved"]),
    }
}

fn entry(id: i64, origin: CommentOrigin, author: &str, ago: u64, text: &str, to: [Delivery; 2]) -> Entry {
    Entry {
        id: EntryId(id),
        link: LinkId(3),
        origin,
        origin_id: format!("o{id}"),
        author: author.into(),
        at: before(ago),
        text: text.into(),
        sentinel_id: String::new(),
        to_sentinel: to[0],
        marker: String::new(),
        journal_id: String::new(),
        to_servicenow: to[1],
        reason: String::new(),
    }
}

fn incident() -> Incident {
    Incident {
        id: IncidentId::new("guid-4721"),
        etag: "\"1\"".into(),
        number: 4721,
        title: "Mass download by a user who gave notice".into(),
        severity: "Medium".into(),
        status: "New".into(),
        ..Incident::default()
    }
}

fn record() -> Record {
    let values = [
        ("short_description", "Mass download by a user who gave notice"),
        ("impact", "1"),
        ("urgency", "1"),
        ("state", "1"),
        ("assigned_to", "u4"),
        ("close_code", ""),
        ("close_notes", ""),
        ("description", ""),
    ];
    Record {
        table: table(),
        sys_id: SysId::new("9d385017c611228701d22104cc95c371"),
        number: "INC0010034".into(),
        mod_count: 4,
        values: values.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..Record::default()
    }
}

/// The third link in full.
pub fn detail(id: i64) -> Detail {
    use Delivery::{Delivered, Held, None as No, Waiting};
    let mut entries = vec![
        entry(
            1,
            CommentOrigin::Sentinel,
            "Zoë Lindqvist",
            5_000,
            "4.2 GB to a private share in 40 minutes. HR confirms the notice period.\nTaking a copy of the audit log.",
            [No, Delivered],
        ),
        entry(
            2,
            CommentOrigin::ServiceNow,
            "Kenji 佐藤",
            1_900,
            "Device is isolated, user is on site until 15:00.",
            [Delivered, No],
        ),
        entry(
            3,
            CommentOrigin::Sync,
            "diptych",
            1_200,
            "The title changed in Sentinel: \"Mass download by a user who gave notice\"",
            [No, Delivered],
        ),
        entry(
            4,
            CommentOrigin::ServiceNow,
            "integration",
            700,
            "Escalated by phone.\u{1b}]0;owned\u{7}",
            [Held, No],
        ),
        entry(
            5,
            CommentOrigin::Console,
            "noor",
            60,
            "Legal asks to keep the mailbox on hold.",
            [Delivered, Waiting],
        ),
    ];
    entries[3].reason = "written by our own user without a valid marker; not mirrored".into();
    let audit =
        |seq: i64, ago: u64, who: &str, act: &str, side: &str, what: &str, b: &str, a: &str, why: &str| {
            AuditRow {
                chain: "soc".into(),
                seq,
                draft: AuditDraft {
                    at: before(ago),
                    who: who.into(),
                    act: act.into(),
                    link: Some(LinkId(id)),
                    subject: "soc/4721 INC0010034".into(),
                    side: side.into(),
                    what: what.into(),
                    before: b.into(),
                    after: a.into(),
                    why: why.into(),
                    intent: None,
                },
                prev: String::new(),
                hash: String::new(),
            }
        };
    let record_key = (contoso(), table(), SysId::new("9d385017c611228701d22104cc95c371"));
    let link = Link {
        id: LinkId(id),
        life: Life::Live,
        ..Link::new(soc(), IncidentId::new("guid-4721"), record_key, before(6_000))
    };
    Detail {
        id: LinkId(id),
        state: Some(LinkState {
            incident: Some(incident()),
            incident_seen: before(10),
            record: Some(record()),
            record_seen: before(12),
            entries,
            ..LinkState::new(link)
        }),
        audit: vec![
            audit(
                912,
                680,
                "sync",
                "decide",
                "",
                "severity",
                "Low",
                "conflict",
                "both sides moved away from their base",
            ),
            audit(
                877,
                1_900,
                "sync",
                "comment",
                "sentinel",
                "note",
                "",
                "Device is isolated, user is on site",
                "entry 2",
            ),
            audit(
                871,
                5_000,
                "noor",
                "patch",
                "servicenow",
                "owner",
                "",
                "ksato",
                "command 7: owner Kenji 佐藤",
            ),
            audit(
                860,
                6_000,
                "sync",
                "create",
                "servicenow",
                "record",
                "",
                "INC0010034",
                "filter matched: label snow",
            ),
        ],
        commands: vec![Command {
            id: CommandId(7),
            workspace: soc(),
            link: LinkId(id),
            verb: Verb::Owner { user: SysId::new("u4") },
            shown: Vec::new(),
            who: "noor".into(),
            at: before(5_010),
            state: CommandState::Done,
            result: "1 write".into(),
        }],
    }
}

pub fn fields() -> Vec<FieldView> {
    let f = |field, s: &str, n: &str, base: Option<[&str; 2]>, step, rule: &str| FieldView {
        field,
        shown: Pair::new(s.into(), n.into()),
        base: base.map(|b| Pair::new(b[0].into(), b[1].into())),
        step,
        rule: rule.into(),
        agreed: base.map(|_| before(6_000)),
    };
    let title = "Mass download by a user who gave notice";
    let text = "AuditLogs show 1,204 files read from \\\\fin-share\\payroll within 40 minutes.\nFirst seen 2026-11-21T11:58:02Z.\nEntities: k.vries@contoso.example, FIN-LT-0198, 203.0.113.77";
    vec![
        f(Field::Title, title, title, Some([title, title]), Step::InStep, "Sentinel owns the title"),
        f(
            Field::Severity,
            "Medium",
            "High (1/1)",
            Some(["Low", "Low (3/3)"]),
            Step::Conflict,
            "latest: both sides moved away from Low between 13:50:12 and 13:52:40; the intervals overlap, so a person decides. V takes one side's value.",
        ),
        f(Field::Status, "New", "New (1)", Some(["New", "New (1)"]), Step::InStep, "status row 1"),
        f(
            Field::Owner,
            "",
            "Kenji 佐藤 (ksato)",
            Some(["", ""]),
            Step::Pending,
            "latest: ServiceNow assigned Kenji 佐藤 at 13:58; found by e-mail, goes to Sentinel with the next pass",
        ),
        f(Field::Closure, "", "", Some(["", ""]), Step::InStep, ""),
        f(Field::CloseNotes, "", "", Some(["", ""]), Step::InStep, ""),
        f(Field::Description, text, text, Some([text, text]), Step::InStep, "Sentinel owns the description"),
    ]
}

pub fn workspaces() -> Vec<WorkspaceView> {
    vec![WorkspaceView {
        workspace: soc(),
        name: "law-soc-prod".into(),
        instance: contoso(),
        table: table(),
        poll: 20_000_000,
        paused: false,
        holder: "noor@soc-jump01:4411".into(),
        epoch: 12,
        mapping_version: 3,
        waiting_plan: None,
        surges: Vec::new(),
        section_hash: "ab".into(),
        at: before(4),
    }]
}

pub fn lanes() -> Vec<LaneView> {
    let mut s = LaneView::starting(soc(), Side::Sentinel);
    s.state = LaneState::Idle;
    s.cursor = Some(before(304));
    s.last_pass = Some(before(4));
    s.took = 612_000;
    s.rows = (14, 1);
    s.next_pass = Some(now().plus(Duration::from_secs(16)));
    s.lag = Some(4_100_000);
    s.reads = 1_204;
    s.writes = 88;
    s.calls_left = Some(11_730);
    let mut n = LaneView::starting(soc(), Side::ServiceNow);
    n.state = LaneState::BackingOff;
    n.cursor = Some(before(131));
    n.last_pass = Some(before(31));
    n.took = 1_240_000;
    n.rows = (9, 2);
    n.next_pass = Some(now().plus(Duration::from_secs(9)));
    n.lag = Some(6_300_000);
    (n.queue, n.in_flight) = (2, 1);
    (n.reads, n.writes) = (2_311, 140);
    n.error = Some(LaneError {
        error: CallError::new(
            FaultKind::Throttled,
            "contoso answered 429: rate limit of the integration user reached",
        )
        .status(429)
        .hint("Raise the user's rate limit rule, or lower in_flight for this instance."),
        since: before(25),
        failures: 3,
        retry_at: Some(now().plus(Duration::from_secs(9))),
    });
    vec![s, n]
}

fn events() -> Vec<(i64, EventView)> {
    let e = |id: i64, ago: u64, level, subject: &str, text: &str| {
        let link = None;
        (
            id,
            EventView {
                at: before(ago),
                level,
                workspace: soc(),
                link,
                subject: subject.into(),
                text: text.into(),
            },
        )
    };
    vec![
        e(1, 900, Level::Info, "soc", "lease taken, epoch 12, mapping version 3"),
        e(2, 680, Level::Warning, "soc/4721 INC0010034", "severity: both sides changed it; a person decides"),
        e(3, 420, Level::Change, "soc/4719 INC0010033", "status On Hold stays Active in Sentinel"),
        e(4, 160, Level::Change, "soc/4721 INC0010034", "owner Kenji 佐藤 ServiceNow -> Sentinel"),
        e(5, 95, Level::Change, "soc/4722 INC0010035", "severity High Sentinel -> ServiceNow"),
        e(6, 41, Level::Change, "soc/4723 INC0010036", "record created"),
        e(7, 25, Level::Error, "soc ServiceNow", "throttled 429; next try in 9 s"),
    ]
}

fn versions() -> Vec<TableVersion> {
    let v = |number: i64, ago: u64, author: &str, reason: &str| TableVersion {
        number,
        parent: number - 1,
        author: author.into(),
        reason: reason.into(),
        at: before(ago),
        tables: Ok(TableSet::default_tables()),
    };
    vec![
        v(3, 7_200, "zoe", "On Hold must not close"),
        v(2, 90_000, "zoe", "close code for benign positives"),
        v(1, 400_000, "diptych", "built-in tables"),
    ]
}

fn users() -> Vec<User> {
    let u = |id: &str, user: &str, name: &str, active| User {
        sys_id: SysId::new(id),
        user_name: user.into(),
        name: name.into(),
        email: format!("{user}@contoso.example"),
        active,
    };
    vec![
        u("u1", "noor.haddad", "Noor Haddad", true),
        u("u2", "beth.anglin", "Beth Anglin", true),
        u("u3", "zoe.lindqvist", "Zoë Lindqvist", true),
        u("u4", "ksato", "Kenji 佐藤", true),
        u("u9", "gone.person", "Gone Person", false),
    ]
}

/// A console with everything read.
pub fn model(theme: &str) -> Model {
    filled(Model::new(setup(theme)).unwrap())
}

/// The same, with other settings.
pub fn model_with(change: impl FnOnce(&mut Setup)) -> Model {
    let mut s = setup("terminal");
    change(&mut s);
    filled(Model::new(s).unwrap())
}

fn filled(mut model: Model) -> Model {
    let mut fx = Effects::default();
    let lease = Lease {
        workspace: soc(),
        holder: settings().holder,
        epoch: 12,
        ends: now().plus(Duration::from_secs(26)),
        read_at: before(1),
        section_hash: "ab".into(),
    };
    for msg in [
        Msg::Resize(80, 24),
        Msg::Workspaces(workspaces()),
        Msg::Lanes(lanes()),
        Msg::Leases(vec![lease]),
        Msg::Events(events()),
        Msg::Users(contoso(), users()),
        Msg::Tables(versions()),
        Msg::Links { rows: rows(), more: false },
    ] {
        update(&mut model, msg, &mut fx);
    }
    model
}

/// Reads the link in full, with fields to look at.
pub fn with_detail(model: &mut Model, id: i64) {
    update(model, Msg::Detail(Box::new(detail(id))), &mut Effects::default());
    model.fields = fields();
}

/// Presses keys by name, separated by spaces.
pub fn keys(model: &mut Model, script: &str) -> Vec<crate::console::Effect> {
    let mut fx = Effects::default();
    for name in script.split_whitespace() {
        update(model, Msg::Key(name.parse().unwrap()), &mut fx);
    }
    fx.take()
}

/// Types text.
pub fn typed(model: &mut Model, text: &str) {
    for c in text.chars() {
        update(model, Msg::Key(crate::console::Key::char(c)), &mut Effects::default());
    }
}

pub fn resize(model: &mut Model, width: u16, height: u16) {
    update(model, Msg::Resize(width, height), &mut Effects::default());
}
