//! Owners: who is who, and what it takes to know.

use super::*;
use crate::model::call::UserKey;
use crate::model::{OwnerRef, SysId, User, WorkspaceKey};

const KENJI: &str = "5d1e0a4297bb4110d21cfa7b31e70104";
const TOMAS: &str = "5d1e0a4297bb4110d21cfa7b31e70106";
const GONE: &str = "5d1e0a4297bb4110d21cfa7b31e70199";
const HIDDEN: &str = "5d1e0a4297bb4110d21cfa7b31e70142";

fn user(sys_id: &str, user_name: &str, email: &str, active: bool) -> User {
    User {
        sys_id: SysId::new(sys_id),
        user_name: user_name.into(),
        name: user_name.into(),
        email: email.into(),
        active,
    }
}

fn people() -> Directory {
    let mut dir = Directory::new();
    dir.insert(user(KENJI, "ksato", "kenji.sato@contoso.example", true));
    dir.insert(user(TOMAS, "tomas.rivera", "tomas.rivera@contoso.example", true));
    dir.insert(user(GONE, "gone.person", "gone.person@contoso.example", false));
    dir.insert(user(HIDDEN, "hidden", "", true));
    dir
}

fn everybody() -> Directory {
    let mut dir = people();
    dir.mark_complete();
    dir
}

fn owner(upn: &str, email: &str) -> OwnerRef {
    OwnerRef { upn: upn.into(), email: email.into(), ..OwnerRef::default() }
}

fn prod() -> WorkspaceKey {
    WorkspaceKey::new("prod").unwrap()
}

fn with_rows(rows: &[(&str, &str, &str)]) -> Tables {
    let owner = rows
        .iter()
        .map(|(servicenow, sentinel, workspace)| OwnerRow {
            servicenow: (*servicenow).into(),
            sentinel: (*sentinel).into(),
            workspace: (*workspace).into(),
        })
        .collect();
    Tables::compile(&TableSet { owner, ..TableSet::default() })
}

fn reason(found: OwnerToServicenow) -> String {
    match found {
        OwnerToServicenow::Unmapped(unmapped) => unmapped.what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn email_then_upn_toward_servicenow() {
    let (tables, dir) = (with_rows(&[]), everybody());
    let find = |o: OwnerRef| tables.owner_to_servicenow(&prod(), &o, &dir);
    assert_eq!(find(OwnerRef::default()), OwnerToServicenow::Unassigned);
    let kenji = |rule| OwnerToServicenow::User(SysId::new(KENJI), rule);
    assert_eq!(find(owner("k@corp.example", "Kenji.Sato@contoso.example")), kenji(OwnerRule::Email));
    assert_eq!(find(owner("KSATO", "")), kenji(OwnerRule::UpnIsUserName));
    assert_eq!(find(owner("kenji.sato@contoso.example", "")), kenji(OwnerRule::UpnIsEmail));
    assert!(reason(find(owner("", "gone.person@contoso.example"))).ends_with("a user who is not active"));
    assert!(reason(find(owner("x@contoso.example", ""))).ends_with("no user has that e-mail or user name"));
    let named = OwnerRef { name: "Kenji".into(), ..OwnerRef::default() };
    assert!(reason(find(named)).ends_with("neither UPN nor e-mail"));
    assert!(reason(find(owner("", "a^ORactive=true"))).ends_with("holds what no look-up may contain"));
}

#[test]
fn two_active_hits_are_nobody() {
    let mut dir = everybody();
    dir.insert(user(HIDDEN, "kenji.two", "kenji.sato@contoso.example", true));
    let found = with_rows(&[]).owner_to_servicenow(&prod(), &owner("", "kenji.sato@contoso.example"), &dir);
    assert!(reason(found).ends_with("belongs to 2 active users"));
    // One who left does not stand in the way.
    dir.insert(user(HIDDEN, "kenji.two", "kenji.sato@contoso.example", false));
    let found = with_rows(&[]).owner_to_servicenow(&prod(), &owner("", "kenji.sato@contoso.example"), &dir);
    assert_eq!(found, OwnerToServicenow::User(SysId::new(KENJI), OwnerRule::Email));
}

#[test]
fn what_was_not_looked_up_is_asked_for_once() {
    let (tables, mut dir) = (with_rows(&[]), people());
    let wanted = owner("tr@corp.example", "tomas.rivera@contoso.example");
    let keys = match tables.owner_to_servicenow(&prod(), &wanted, &dir) {
        OwnerToServicenow::Lookup(keys) => keys,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        keys,
        [
            UserKey::Email("tomas.rivera@contoso.example".into()),
            UserKey::UserName("tr@corp.example".into()),
            UserKey::Email("tr@corp.example".into())
        ]
    );
    dir.answer(&keys, Vec::new());
    let found = tables.owner_to_servicenow(&prod(), &wanted, &dir);
    assert_eq!(found, OwnerToServicenow::User(SysId::new(TOMAS), OwnerRule::Email));
    // A miss stays a miss until it is forgotten; a hit is not asked for again.
    let stranger = owner("new@corp.example", "");
    let keys = [UserKey::UserName("new@corp.example".into()), UserKey::Email("NEW@corp.example".into())];
    dir.answer(&keys, Vec::new());
    assert!(matches!(tables.owner_to_servicenow(&prod(), &stranger, &dir), OwnerToServicenow::Unmapped(_)));
    dir.forget_misses();
    assert!(matches!(tables.owner_to_servicenow(&prod(), &stranger, &dir), OwnerToServicenow::Lookup(_)));
    assert!(dir.is_settled(&UserKey::Email("tomas.rivera@contoso.example".into())));
}

#[test]
fn a_row_decides_and_the_workspace_comes_first() {
    let dir = everybody();
    let tables = with_rows(&[
        ("tomas.rivera", "k@corp.example", ""),
        ("ksato", "K@corp.example", "prod"),
        ("gone.person", "g@corp.example", ""),
        ("", "kenji.sato@contoso.example", ""),
    ]);
    let kenji = owner("k@corp.example", "tomas.rivera@contoso.example");
    let row = |row| OwnerRule::Row(RowRef { table: TableKind::Owner, row });
    assert_eq!(
        tables.owner_to_servicenow(&prod(), &kenji, &dir),
        OwnerToServicenow::User(SysId::new(KENJI), row(1))
    );
    let test = WorkspaceKey::new("test").unwrap();
    assert_eq!(
        tables.owner_to_servicenow(&test, &kenji, &dir),
        OwnerToServicenow::User(SysId::new(TOMAS), row(0))
    );
    // A row is an instruction: its user left, so nothing else is tried.
    let gone = owner("g@corp.example", "kenji.sato@contoso.example");
    assert!(reason(tables.owner_to_servicenow(&prod(), &gone, &dir)).contains("owner row 3"));
    match tables.owner_to_sentinel(&prod(), &SysId::new(KENJI), &dir) {
        OwnerToSentinel::Owner(found, rule) => {
            assert_eq!((found.upn.as_str(), rule), ("K@corp.example", row(1)));
            assert_eq!((found.email.as_str(), found.object_id.as_str()), ("kenji.sato@contoso.example", ""));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn toward_sentinel_an_object_id_is_only_what_was_seen() {
    let (tables, mut dir) = (with_rows(&[]), people());
    let kenji = SysId::new(KENJI);
    let find = |dir: &Directory| match tables.owner_to_sentinel(&prod(), &kenji, dir) {
        OwnerToSentinel::Owner(found, OwnerRule::Email) => found,
        other => panic!("{other:?}"),
    };
    let fresh = find(&dir);
    assert_eq!(
        (fresh.upn.as_str(), fresh.email.as_str()),
        ("kenji.sato@contoso.example", "kenji.sato@contoso.example")
    );
    assert_eq!(fresh.object_id, "");
    let seen = OwnerRef {
        object_id: "6f1e".into(),
        ..owner("kenji.sato@corp.contoso.example", "Kenji.Sato@contoso.example")
    };
    dir.observe(&seen);
    assert_eq!(find(&dir), seen);
    let bare = OwnerRef { object_id: "6F1E".into(), ..OwnerRef::default() };
    assert_eq!(tables.same_owner(&prod(), &bare, &kenji, &dir), Some(true));
    // Two owners with that e-mail: neither is taken.
    dir.observe(&OwnerRef { object_id: "77".into(), upn: "k2@contoso.example".into(), ..seen.clone() });
    assert_eq!(find(&dir).object_id, "");
}

#[test]
fn toward_sentinel_nobody_unknown_or_gone() {
    let (tables, mut dir) = (with_rows(&[]), people());
    let find = |id: &str, dir: &Directory| tables.owner_to_sentinel(&prod(), &SysId::new(id), dir);
    assert_eq!(find("", &dir), OwnerToSentinel::Unassigned);
    let stranger = "5d1e0a4297bb4110d21cfa7b31e70777";
    let key = UserKey::SysId(SysId::new(stranger));
    assert_eq!(find(stranger, &dir), OwnerToSentinel::Lookup(vec![key.clone()]));
    dir.answer(&[key], Vec::new());
    for (id, why) in
        [(stranger, "no such user"), (GONE, "not active"), (HIDDEN, "no e-mail"), ("x^y", "sys_id")]
    {
        match find(id, &dir) {
            OwnerToSentinel::Unmapped(unmapped) => assert!(unmapped.what.contains(why), "{unmapped}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_same_person_under_either_map() {
    let dir = people();
    let tables = with_rows(&[("tomas.rivera", "trivera@contoso.example", "")]);
    let same = |o: OwnerRef, id: &str| tables.same_owner(&prod(), &o, &SysId::new(id), &dir);
    assert_eq!(same(OwnerRef::default(), ""), Some(true));
    assert_eq!(same(owner("ksato", ""), ""), Some(false));
    assert_eq!(same(OwnerRef::default(), KENJI), Some(false));
    assert_eq!(same(owner("x@y.example", "KENJI.sato@contoso.example"), KENJI), Some(true));
    assert_eq!(same(owner("trivera@contoso.example", ""), TOMAS), Some(true));
    assert_eq!(same(owner("trivera@contoso.example", ""), KENJI), Some(false));
    // Somebody who left is still the same person on both sides.
    assert_eq!(same(owner("gone.person@contoso.example", ""), GONE), Some(true));
    assert_eq!(same(owner("ksato", ""), "5d1e0a4297bb4110d21cfa7b31e70777"), None);
}

#[test]
fn a_changed_user_is_found_by_what_is_true_now() {
    let mut dir = everybody();
    dir.insert(user(KENJI, "ksato", "k.sato@contoso.example", true));
    assert!(dir.by_email("kenji.sato@contoso.example").is_empty());
    let mut other = Directory::new();
    other.insert(user(KENJI, "kenji", "k.sato@contoso.example", true));
    dir.merge(&other);
    assert!(dir.by_user_name("ksato").is_empty());
    assert_eq!(dir.by_email("K.Sato@contoso.example").len(), 1);
    assert_eq!(dir.users().count(), 4);
}

#[test]
fn the_story_of_an_owner() {
    let (tables, dir) = (with_rows(&[]), everybody());
    let story = explain_owner_to_servicenow(
        &tables,
        &prod(),
        &owner("k@corp.example", "kenji.sato@contoso.example"),
        &dir,
    );
    assert_eq!(story.output.as_deref(), Some("ksato (ksato)"));
    assert_eq!(
        story.steps,
        [
            "no owner row names k@corp.example",
            "e-mail kenji.sato@contoso.example: the active user ksato",
            "user name k@corp.example: nobody",
            "e-mail k@corp.example: nobody",
            "Rule: same e-mail"
        ]
    );
    let back = explain_owner_to_sentinel(&tables, &prod(), &SysId::new(KENJI), &dir);
    assert_eq!(back.output.as_deref(), Some("kenji.sato@contoso.example"));
    assert_eq!(back.row, None);
}
