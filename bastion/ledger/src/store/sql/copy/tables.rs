//! What a copy brings over: every table of the schema, those that others refer to first.

/// A table, and the order of its rows.
#[derive(Debug)]
pub(in crate::store::sql) struct CopyTable {
    pub(in crate::store::sql) name: &'static str,
    /// Its primary key.
    pub(in crate::store::sql) keys: &'static [&'static str],
    pub(in crate::store::sql) columns: &'static [Column],
}

/// A column.
#[derive(Debug)]
pub(in crate::store::sql) struct Column {
    pub(in crate::store::sql) name: &'static str,
    pub(in crate::store::sql) kind: ColumnKind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(in crate::store::sql) enum ColumnKind {
    Integer,
    Text,
    Flag,
    Bytes,
}

macro_rules! tables {
    ($($table:ident by [$($key:ident)+] { $($column:ident $kind:ident,)+ })+) => {
        &[$(CopyTable {
            name: stringify!($table),
            keys: &[$(stringify!($key)),+],
            columns: &[$(Column { name: stringify!($column), kind: ColumnKind::$kind }),+],
        }),+]
    };
}

/// All of them but those that say something of one database, or of the moment, only: `store_copy`, `holder`, `instances`,
/// `login_starts` and the list of migrations.
pub(in crate::store::sql) const TABLES: &[CopyTable] = tables! {
    logins by [token] { token Text, kind Text, subject Text, created_at Integer, expires_at Integer, }
    login_flows by [flow] {
        flow Text, nonce Text, secret Text, redirect_uri Text, kind Text, expires_at Integer,
    }
    certificates by [serial] {
        serial Integer, fingerprint Text, subject Text, issued_at Integer, expires_at Integer, login Text,
    }
    names by [name] { name Text, issuer Text, subject_id Text, bound_at Integer, }
    sessions by [id] {
        id Text, user_name Text, target Text, login Text, kind Text, command Text, pty Flag, source Text,
        started_at Integer, ended_at Integer, ending Text, output_bytes Integer, issuer Text, subject_id Text,
        instance Text,
    }
    approvals by [id] {
        id Text, revision Integer, kind Text, state Text, issuer Text, subject_id Text, requester Text, target Text,
        login Text, session Text, rule Text, exact_text Bytes, commands Text, screen Text, reason Text, because Text,
        needed Text, lasting Integer, source Text, created_at Integer, expires_at Integer, decided_at Integer,
        scope Text, standing_until Integer, remark Text, exact_form Integer, instance Text,
    }
    approval_groups by [approval group_name] { approval Text, group_name Text, }
    approval_votes by [approval issuer subject_id] {
        approval Text, place Integer, issuer Text, subject_id Text, voter Text, entitled Flag, approve Flag,
        scope Text, comment Text, cast_at Integer,
    }
    access_grants by [approval] {
        approval Text, issuer Text, subject_id Text, user_name Text, target Text, login Text, granted_at Integer,
        until Integer, ended_at Integer,
    }
    audit by [seq] {
        seq Integer, recorded_at Integer, version Integer, kind Text, user_name Text, session Text, event Text,
        issuer Text, subject_id Text,
    }
    audit_counter by [name] { name Text, value Integer, }
};
