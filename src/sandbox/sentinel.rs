//! The Sentinel half: Entra token endpoints and the SecurityInsights API.
