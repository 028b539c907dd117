//! The schema, version by version; the same number stands for the same tables in both databases.

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

macro_rules! migrations {
    ($folder:literal: $($version:literal $name:literal $file:literal,)*) => {
        Migrator::with_migrations(vec![$({
            let text = include_str!(concat!("../migrations/", $folder, "/", $file)).into_sql_str();
            Migration::new($version, $name.into(), MigrationType::Simple, text, false)
        }),*])
    };
}

/// Of a SQLite file.
pub(super) fn sqlite() -> Migrator {
    migrations!["sqlite":
        1 "init" "0001_init.sql",
        2 "approvals" "0002_approvals.sql",
        5 "certificate_login" "0005_certificate_login.sql",
        10 "people" "0010_people.sql",
        11 "approved_acts" "0011_approved_acts.sql",
        20 "audit_user_kind" "0020_audit_user_kind.sql",
        30 "store_copy" "0030_store_copy.sql",
        40 "instances" "0040_instances.sql",
    ]
}

/// Of a PostgreSQL database, which there was none of before version 30.
pub(super) fn postgres() -> Migrator {
    migrations!["postgres":
        30 "init" "0030_init.sql",
        40 "instances" "0040_instances.sql",
    ]
}
