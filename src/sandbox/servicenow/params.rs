//! The `sysparm_` parameters of a request (servicenow-api, 2.2). Empty values mean *not given*.

/// Which of value and display value an answer shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Show {
    /// Database values.
    #[default]
    Values,
    /// Display values.
    Labels,
    /// Both.
    Both,
}

/// One request's parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    pub(super) query: Option<String>,
    pub(super) fields: Option<Vec<String>>,
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) show: Show,
    pub(super) exclude_link: bool,
    pub(super) no_count: bool,
    pub(super) suppress_pagination: bool,
    pub(super) input_display: bool,
    pub(super) suppress_auto_sys: bool,
    pub(super) category: bool,
    /// Everything that is no `sysparm_`: implicit filters.
    pub(super) implicit: Vec<(String, String)>,
    /// All pairs as sent, for links and for the other APIs.
    pub(super) pairs: Vec<(String, String)>,
}

impl Params {
    /// Reads decoded pairs; unreadable numbers fall back to their defaults.
    pub(super) fn read(pairs: Vec<(String, String)>, default_limit: usize) -> Self {
        let mut out = Self { limit: default_limit, ..Self::default() };
        for (name, value) in &pairs {
            let truth = value.eq_ignore_ascii_case("true");
            if value.is_empty() {
                continue;
            }
            match name.as_str() {
                "sysparm_query" => out.query = Some(value.clone()),
                "sysparm_fields" => {
                    let list = value.split(',').map(|f| f.trim().to_owned()).filter(|f| !f.is_empty());
                    out.fields = Some(list.collect());
                }
                "sysparm_limit" => out.limit = value.trim().parse().unwrap_or(default_limit),
                "sysparm_offset" => out.offset = value.trim().parse().unwrap_or(0),
                "sysparm_display_value" => {
                    out.show = match value.to_ascii_lowercase().as_str() {
                        "true" => Show::Labels,
                        "all" => Show::Both,
                        _ => Show::Values,
                    }
                }
                "sysparm_exclude_reference_link" => out.exclude_link = truth,
                "sysparm_no_count" => out.no_count = truth,
                "sysparm_suppress_pagination_header" => out.suppress_pagination = truth,
                "sysparm_input_display_value" => out.input_display = truth,
                "sysparm_suppress_auto_sys_field" => out.suppress_auto_sys = truth,
                "sysparm_query_category" => out.category = true,
                other if other.starts_with("sysparm_") || other == "x-sn-apikey" => {}
                _ => out.implicit.push((name.clone(), value.clone())),
            }
        }
        out.pairs = pairs;
        out
    }

    /// The first value of that name, even an empty one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}
