//! The people who exist in both sandbox systems, the same in every world.

/// One person: an account in the tenant's directory and a user in ServiceNow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Display name on both sides.
    pub name: &'static str,
    /// E-mail address on both sides.
    pub email: &'static str,
    /// User principal name in the tenant; not always the e-mail.
    pub upn: &'static str,
    /// Object id in the tenant.
    pub object_id: &'static str,
    /// ServiceNow `user_name`.
    pub user_name: &'static str,
    /// ServiceNow `sys_id` in `sys_user`.
    pub sys_id: &'static str,
    /// False for someone who left: still in both systems, never to be assigned anew.
    pub active: bool,
    /// ServiceNow time zone, which shapes display values.
    pub time_zone: &'static str,
}

/// The whole cast.
pub const CAST: &[Person] = &[
    Person {
        name: "Noor Haddad",
        email: "noor.haddad@contoso.example",
        upn: "noor.haddad@contoso.example",
        object_id: "6f1e7a52-0c1b-4c55-9a30-5e2d8f3b1001",
        user_name: "noor.haddad",
        sys_id: "5d1e0a4297bb4110d21cfa7b31e70101",
        active: true,
        time_zone: "Europe/Amsterdam",
    },
    Person {
        name: "Beth Anglin",
        email: "beth.anglin@contoso.example",
        upn: "beth.anglin@contoso.example",
        object_id: "6f1e7a52-0c1b-4c55-9a30-5e2d8f3b1002",
        user_name: "beth.anglin",
        sys_id: "5d1e0a4297bb4110d21cfa7b31e70102",
        active: true,
        time_zone: "America/Los_Angeles",
    },
    Person {
        name: "Zoë Lindqvist",
        email: "zoe.lindqvist@contoso.example",
        upn: "zoe.lindqvist@contoso.example",
        object_id: "6f1e7a52-0c1b-4c55-9a30-5e2d8f3b1003",
        user_name: "zoe.lindqvist",
        sys_id: "5d1e0a4297bb4110d21cfa7b31e70103",
        active: true,
        time_zone: "Europe/Stockholm",
    },
    Person {
        name: "Kenji 佐藤",
        email: "kenji.sato@contoso.example",
        upn: "kenji.sato@corp.contoso.example",
        object_id: "6f1e7a52-0c1b-4c55-9a30-5e2d8f3b1004",
        user_name: "ksato",
        sys_id: "5d1e0a4297bb4110d21cfa7b31e70104",
        active: true,
        time_zone: "Asia/Tokyo",
    },
    Person {
        name: "Amara Okafor",
        email: "amara.okafor@contoso.example",
        upn: "amara.okafor@contoso.example",
        object_id: "6f1e7a52-0c1b-4c55-9a30-5e2d8f3b1005",
        user_name: "amara.okafor",
        sys_id: "5d1e0a4297bb4110d21cfa7b31e70105",
        active: true,
        time_zone: "UTC",
    },
    Person {
        name: "Tomás Rivera",
        email: "tomas.rivera@contoso.example",
        upn: "trivera@contoso.example",
        object_id: "6f1e7a52-0c1b-4c55-9a30-5e2d8f3b1006",
        user_name: "tomas.rivera",
        sys_id: "5d1e0a4297bb4110d21cfa7b31e70106",
        active: true,
        time_zone: "America/Bogota",
    },
    Person {
        name: "Gone Person",
        email: "gone.person@contoso.example",
        upn: "gone.person@contoso.example",
        object_id: "6f1e7a52-0c1b-4c55-9a30-5e2d8f3b1099",
        user_name: "gone.person",
        sys_id: "5d1e0a4297bb4110d21cfa7b31e70199",
        active: false,
        time_zone: "UTC",
    },
];

/// ServiceNow's integration user, a web-service-only account.
pub const INTEGRATION_USER_SYS_ID: &str = "5d1e0a4297bb4110d21cfa7b31e701ff";

/// Assignment groups: `sys_id` and name.
pub const GROUPS: &[(&str, &str)] = &[
    ("287ebd7da9fe198100f92cc8d1d2154e", "Security Operations"),
    ("287ebd7da9fe198100f92cc8d1d2154f", "Identity"),
    ("287ebd7da9fe198100f92cc8d1d21550", "Endpoint"),
];
