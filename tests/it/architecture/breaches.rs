//! Tests of the checker itself: sample files, each with one violation or with something that resembles one.

use super::{breaches_in, cycles, in_the_sandbox, manifest_of_the_sandbox, source::Source, ungrouped};

/// Returns the violations in a sample file as `line: message`.
fn check(path: &str, text: &str) -> Vec<String> {
    let breaches = breaches_in(&[Source::new(path, text)]);
    breaches.into_iter().map(|breach| format!("{}: {}", breach.line, breach.what)).collect()
}

#[track_caller]
fn assert_breach(path: &str, text: &str, expected: &str) {
    let found = check(path, text);
    assert!(found.len() == 1 && found[0].contains(expected), "{path} {text:?}: {found:?}, not {expected:?}");
}

#[track_caller]
fn assert_clean(path: &str, text: &str) {
    assert_eq!(check(path, text), Vec::<String>::new(), "{path} {text:?}");
}

#[test]
fn each_layer_has_its_arrows_and_no_other() {
    let allowed = [
        ("http", "graphql auth domain"),
        ("graphql", "service feed auth domain"),
        ("service", "store session feed auth domain"),
        ("feed", "store domain"),
        ("session", "store domain"),
        ("auth", "store domain"),
        ("store", "domain"),
        ("domain", ""),
    ];
    let all = "server http graphql service feed session auth store domain cli clock telemetry";
    for (layer, targets) in allowed {
        for target in all.split(' ') {
            let text = format!("use crate::{target}::thing::Thing;");
            let may = layer == target || targets.split(' ').any(|name| name == target);
            for path in [format!("src/{layer}/mod.rs"), format!("src/{layer}/deep/er.rs"), format!("src/{layer}.rs")] {
                let found = check(&path, &text);
                assert_eq!(found.is_empty(), may, "{path} names {target}: {found:?}");
            }
        }
    }
}

#[test]
fn the_wiring_may_name_every_layer() {
    for path in ["src/server/build.rs", "src/lib.rs", "src/cli.rs", "src/clock.rs", "src/telemetry.rs"] {
        assert_clean(path, "use crate::http::Door;\nuse crate::store::Store;\nuse crate::server::run;");
    }
}

#[test]
fn shared_modules_are_for_every_layer_but_the_domain() {
    for layer in ["http", "graphql", "service", "feed", "session", "auth", "store", "server"] {
        assert_clean(&format!("src/{layer}/config.rs"), "use crate::config::Error;\nuse crate::backoff::Backoff;");
    }
    assert_clean("src/rate_limit.rs", "use crate::cache::BoundedMap;");
    assert_breach("src/domain/chat.rs", "use crate::config::Error;", "domain may not name config");
    for target in ["http", "store", "domain", "server", "cli"] {
        assert_breach("src/config.rs", &format!("use crate::{target}::Thing;"), "config may not name");
    }
}

#[test]
fn flags_are_declared_in_configurations() {
    for path in ["src/cli.rs", "src/cli/key.rs", "src/config.rs", "src/http/config.rs", "src/store/config.rs"] {
        assert_clean(path, "use clap::Args;");
    }
    for path in
        ["src/http.rs", "src/http/listener.rs", "src/store/chat.rs", "src/server/build.rs", "src/feed/config.rs"]
    {
        assert_breach(path, "use clap::Args;", "may name clap");
    }
}

#[test]
fn a_breach_is_found_with_its_line_and_its_reason() {
    let text = "//! Chats.\n\nuse crate::service::Chats;\nuse crate::store::Store;\n";
    let expected = "4: graphql may not name store; it may name service, feed, auth, domain";
    assert_eq!(check("src/graphql/chat/query.rs", text), [expected]);
    assert_breach("src/domain/chat.rs", "use crate::clock::SystemClock;", "it may name nothing");
}

#[test]
fn a_path_counts_wherever_it_stands() {
    let breach = "1: graphql may not name store";
    for text in [
        "fn f() { crate::store::read() }",
        "type A = Vec<crate::store::Row>;",
        "pub(in crate::store) struct A;",
        "macro_rules! a { () => { $crate::store::read() } }",
        "#[derive(crate::store::Row)] struct A;",
        "use crate :: store;",
        "use crate::store as rows;",
        "fn f<'a>(a: &'a str) -> crate::store::Row<'a> { todo() }",
        "const A: char = '\"'; use crate::store::Row; const B: char = '\"';",
        "const A: &str = r#\"\"\"#; use crate::store::Row; const B: &[u8] = b\"\\\"\";",
        "/* /* */ */ use crate::store::Row;",
        "fn f(r#type: crate::store::Row) {}",
        "use super::store::Row;",
        "mod inner { use super::super::store::Row; }",
        "mod inner {} use super::store::Row;",
        "use self::super::store::Row;",
        "fn f<'a>(a: &'a str) -> impl Fn() + use<'a> { crate::store::read(a) }",
    ] {
        assert_breach("src/graphql.rs", text, &breach[3..]);
    }
    assert_breach("src/graphql/chat/query.rs", "use super::super::super::store::Row;", &breach[3..]);
}

#[test]
fn comments_literals_and_paths_of_its_own_are_no_breach() {
    for text in [
        "// crate::store::Row\n/* crate::store::Row /* crate::store */ crate::store */",
        "/// Not [`crate::store::Row`].\nstruct A;",
        "const A: &str = \"crate::store::Row \\\" crate::store\";",
        "const A: &str = r##\"crate::store::Row \"# crate::store\"##;",
        "const A: (char, &str) = ('\\'', \"crate::store\");",
        "const A: &std::ffi::CStr = c\"crate::store\";",
        "use super::store::Row;",
        "mod inner { use super::super::store::Row; }",
        "mod store { use super::store::Row; }",
        "use self::store::Row;",
        "pub(crate) struct A;",
        "fn f() { krate::store::read(); store::read(); }",
    ] {
        assert_clean("src/graphql/chat/query.rs", text);
    }
    assert_clean("src/graphql.rs", "mod inner { use super::store::Row; fn f() { super::store::read() } }");
}

#[test]
fn a_test_may_name_anything() {
    for text in [
        "#[cfg(test)]\nmod tests {\n    use crate::store::{Row, Store};\n    use sea_orm::Set;\n}",
        "#[cfg(test)]\n#[expect(dead_code, reason = \"\")]\npub(crate) mod fake { use crate::server::demo; }",
        "#[cfg(test)]\nuse crate::store::Row;",
        "#[cfg(test)]\nasync fn f(a: [u8; 2]) -> crate::store::Row { crate::store::read(a) }",
        "#![cfg(test)]\nuse crate::store::Row;",
    ] {
        assert_clean("src/graphql/chat.rs", text);
    }
    let inside = "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::store::Row;";
    assert_breach("src/graphql/chat.rs", inside, "3: graphql may not name store");
    assert_breach("src/graphql/chat.rs", "#[cfg(not(test))]\nuse crate::store::Row;", "2: graphql");
}

#[test]
fn a_test_module_in_a_file_of_its_own_may_name_anything() {
    let breach = "use crate::server::Server;";
    for (declares, tests) in [
        ("src/graphql.rs", "src/graphql/tests.rs"),
        ("src/graphql/chat.rs", "src/graphql/chat/tests.rs"),
        ("src/graphql/chat.rs", "src/graphql/chat/tests/mod.rs"),
    ] {
        let test_only = [Source::new(declares, "#[cfg(test)]\nmod tests;"), Source::new(tests, breach)];
        assert_eq!(breaches_in(&test_only), []);
        let always = [Source::new(declares, "mod tests;"), Source::new(tests, breach)];
        assert_eq!(breaches_in(&always).len(), 1);
    }
}

#[test]
fn a_crate_stays_in_its_place() {
    for (name, place, elsewhere) in [
        ("whatsapp_rust", "src/session/whatsapp/event.rs", "src/session/supervisor.rs"),
        ("sea_orm", "src/store/chat.rs", "src/service/chat.rs"),
        ("sea_orm", "src/store/chat.rs", "src/server/build.rs"),
        ("sqlx", "src/store.rs", "src/feed/tail.rs"),
        ("chatgraph_entity", "src/store/chat.rs", "src/session/outbox.rs"),
        ("chatgraph_migration", "src/server/commands.rs", "src/cli.rs"),
        ("async_graphql", "src/graphql.rs", "src/service/error.rs"),
        ("async_graphql", "src/http/guard.rs", "src/domain/jid.rs"),
        ("async_graphql_axum", "src/http.rs", "src/server/commands.rs"),
        ("chatgraph_sandbox", "src/server/demo.rs", "src/server/build.rs"),
        ("chatgraph_sandbox", "src/server/demo/account.rs", "src/main.rs"),
    ] {
        for text in [
            format!("use {name}::Thing;"),
            format!("use {name} as other;"),
            format!("extern crate {name};"),
            format!("fn f(thing: ::{name}::Thing) {{}}"),
            format!("use prelude::{name}::Thing;"),
        ] {
            assert_clean(place, &text);
            assert_breach(elsewhere, &text, &format!("may name {name}"));
        }
        assert_clean(elsewhere, &format!("// {name}::Thing\nfn f({name}: u8) {{}}"));
    }
}

#[test]
fn every_name_of_a_group_counts_with_its_own_line() {
    let may_not =
        |line, target: &str| format!("{line}: graphql may not name {target}; it may name service, feed, auth, domain");
    let group = "use crate::{\n    domain::{chat::Chat, jid::{self, Jid}},\n    service,\n    store::{self, chat as rows, Store},\n};";
    assert_eq!(check("src/graphql/chat.rs", group), [may_not(4, "store")]);
    for text in [
        "use crate::{session::*, domain::{self}};",
        "use crate::{domain::Jid, session as sessions};",
        "use crate::{domain::{chat::{Chat, LastMessage}, jid::Jid}, session};",
        "pub(crate) use crate::{auth::Viewer as _, session::{registry::{Registry, Entry}}};",
        "mod inner { use crate::{domain::Jid, session::Registry}; }",
    ] {
        assert_eq!(check("src/graphql/chat.rs", text), [may_not(1, "session")], "{text}");
    }
    for text in [
        "use super::{super::{super::session::Registry, error::Error}, input};",
        "use super::super::{super::{session}, error};",
        "mod inner { use super::{super::{super::super::session, *}, *}; }",
    ] {
        assert_eq!(check("src/graphql/chat/query.rs", text), [may_not(1, "session")], "{text}");
    }
    assert_clean("src/graphql/chat/query.rs", "use super::{super::{session::Pairing, store}, session, store::Row};");
    assert_clean("src/graphql/chat/query.rs", "fn f<'a>(a: &'a str) -> impl Fn() + use<'a> { g(a) }");
}

#[test]
fn a_crate_is_found_in_a_group() {
    for text in [
        "use sea_orm::{self, Set};",
        "use sea_orm::{sqlx::{self}};",
        "use whatsapp::{Jid, sea_orm};",
        "use whatsapp::{prelude::{sea_orm as orm, Jid}};",
        "use {sea_orm::Set, std::fmt};",
    ] {
        let lines = Source::new("src/service/chat.rs", text).lines_naming("sea_orm");
        assert_eq!(lines.into_iter().collect::<Vec<_>>(), [1], "{text}");
    }
    let lines =
        Source::new("src/service/chat.rs", "use std::{\n    fmt,\n    io as sea_orm,\n};\nuse crate::orm::{a, b};");
    assert_eq!(lines.lines_naming("sea_orm").len(), 0);
}

#[test]
fn the_root_itself_is_not_imported() {
    for text in ["use crate::*;", "use crate::{domain::Jid, *};", "use crate::{self as all};", "use crate as all;"] {
        assert_breach("src/server/build.rs", text, "name the module");
    }
    assert_breach("src/server.rs", "use super::*;", "name the module");
    assert_clean("src/server/build.rs", "use super::*;\nfn f() { { crate::run() } }");
}

#[test]
fn imports_have_one_group_for_each_root() {
    let lines = |text: &str| ungrouped("src/a.rs", text).into_iter().map(|breach| breach.line).collect::<Vec<_>>();
    for (text, expected) in [
        ("use crate::a::B;\nuse crate::c::D;", vec![2]),
        ("use std::fmt;\n\nuse crate::a;\n\nuse std::io;\nuse std::{fs};", vec![5, 6]),
        ("use super::a;\nuse super::super::b;", vec![2]),
        ("pub(crate) use a::B;\nuse a::C;\npub(crate) use a::D;\npub use a::E;", vec![3]),
        ("use crate::{\n    a::B,\n    c::{D, E},\n    a::F,\n};", vec![4]),
        ("use crate::{\n    a::{b::C,\n    b::{D, E}},\n    c,\n};", vec![3]),
        ("use {std::fmt, crate::a};", vec![1]),
        ("#[cfg(test)]\nuse crate::a::{\n    b::C,\n    b::D,\n};", vec![4]),
        ("#![cfg(test)]\nuse crate::a;\nuse crate::b;", vec![3]),
        ("#[cfg(test)]\nmod tests {\n    use super::a;\n    use super::b;\n}", vec![4]),
        ("#[cfg(test)]\nuse crate::a;\n#[cfg(test)]\nuse crate::b;", vec![4]),
        ("fn f<'a>(a: &'a str) -> impl Fn() + use<'a> {\n    use E::A;\n    use E::B;\n    a\n}", vec![3]),
        ("fn f() {\n    use E::A;\n    g();\n    use E::B;\n}", vec![4]),
    ] {
        assert_eq!(lines(text), expected, "{text}");
    }
    for text in [
        "use std::{fmt, io};\n\nuse tokio::time;\n\nuse super::a;\nuse crate::{a::{self, B}, b::{c, d::E}};\n\npub use a::C;",
        "use crate::a;\n#[cfg(test)]\nuse crate::b;\n#[cfg(unix)]\nuse crate::c;",
        "use crate::a;\nmod tests { use crate::b; }\nfn f() { use crate::c; }\nfn g() { use crate::d; }",
        "use std::{vec, vec::IntoIter};",
        "use crate::{a, b as a, b as c, d::{e, e as f, *}};",
        "// use crate::a;\nuse crate::b;\nconst A: &str = \"use crate::c;\";",
        "use crate::a;\nfn f<'a>(a: &'a str) -> impl Fn() + use<'a> { move || a }\nfn g<'a>() -> impl Fn() + use<'a> { h }",
        "pub struct A { pub(crate) b: u8, pub c: u8 }\nuse crate::a;",
    ] {
        assert_eq!(lines(text), Vec::<usize>::new(), "{text}");
    }
}

#[test]
fn a_new_folder_needs_its_arrows() {
    assert_breach("src/billing/mod.rs", "use crate::domain::chat::Chat;", "say in ARROWS what it may name");
}

#[test]
fn main_stays_thin() {
    assert_clean("src/main.rs", "fn main() { chatgraph::cli::run() }\n");
    assert_breach("src/main.rs", &"fn f() {}\n".repeat(61), "61: main.rs has over 60 lines");
}

#[test]
fn the_sandbox_stays_a_stranger() {
    let lines = |text: &str| in_the_sandbox(&Source::new("sandbox/src/lib.rs", text)).len();
    assert_eq!(lines("use chatgraph::{domain::jid::Jid,\nservice};"), 2);
    assert_eq!(
        lines("use chatgraph::domain::jid::Jid;\nuse chatgraph_entity::chat;\nuse chatgraph_migration::Migrator;"),
        3
    );
    assert_eq!(
        lines("use chatgraph_sandbox::Sandbox;\n// chatgraph::domain\nuse crate::{Error, spec::AccountSpec};"),
        0
    );
    let manifest = "[package]\nname = \"chatgraph-sandbox\"\n[dependencies]\nchatgraph = { path = \"..\" }\nserde.workspace = true\n";
    let found = manifest_of_the_sandbox(manifest);
    assert_eq!(found.iter().map(|breach| breach.line).collect::<Vec<_>>(), [4]);
    assert_eq!(manifest_of_the_sandbox("chatgraph-entity.workspace = true\n\"chatgraph-migration\" = \"1\"").len(), 2);
    assert_eq!(manifest_of_the_sandbox("[[bin]]\nname = \"chatgraph-sandbox\""), []);
}

/// Returns the cycles of a crate with these files, each as its modules.
fn cycles_of(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = files.iter().map(|(path, text)| Source::new(&format!("sandbox/src/{path}"), text)).collect();
    let found = cycles::cycles(&cycles::dependencies(&sources, "sandbox/src/"));
    found.into_iter().map(|cycle| cycle.into_iter().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn a_circular_dependency_is_found_however_it_is_written() {
    let back = ("b.rs", "use crate::a::A;\npub struct B;");
    for text in [
        "use crate::b::B;\npub struct A;",
        "use crate::{c::C, b::{self, B}};\npub struct A;",
        "use super::b as other;\npub struct A(other::B);",
        "pub struct A(crate::b::B);",
        "use crate::B;\npub struct A;",
        "pub use crate::B as D;\npub struct A;",
    ] {
        let lib = ("lib.rs", "mod a;\nmod b;\nmod c;\npub use b::B;");
        assert_eq!(cycles_of(&[lib, ("a.rs", text), back, ("c.rs", "pub struct C;")]), ["a b"], "{text}");
    }
    let deep = [("a.rs", "mod x;\nuse x::X;\npub struct A;"), ("a/x.rs", "use super::A;\npub struct X;")];
    assert_eq!(cycles_of(&deep), ["a a::x"]);
}

#[test]
fn re_exports_of_children_and_tests_are_no_cycle() {
    let parent = ("a.rs", "mod x;\nmod y;\npub(crate) use x::X;\n#[cfg(test)]\nmod tests { use crate::b::B; }");
    let children = [("a/x.rs", "pub struct X;"), ("a/y.rs", "use super::X;\npub struct Y;")];
    let other = ("b.rs", "use crate::a::X;\nuse std::fmt::{self, Debug};\npub(in crate::a) struct B;");
    assert_eq!(cycles_of(&[parent, children[0], children[1], other]), Vec::<String>::new());
}
