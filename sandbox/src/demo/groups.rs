//! The groups the demo account is in.

use super::{
    chat::Group,
    people::{
        ANDREI, BEN, CAMILLE, CLAIRE, DAIRY, DAVE, DIYA, ELENI, FIONA, GRAHAM, HANNAH, INES, JOANA, JUERGEN, KOFI, MAE,
        MEI, MINJUN, MOIRA, OLENA, OMAR, PETE, PRIYA, RACHEL, RUI, SAM, SATO, TOM, WHITCOMBE, YUKI, YUSUF, ZOSIA,
    },
};

pub(super) const FAMILY: Group = Group {
    jid: "120363040000000201@g.us",
    subject: "Família Oliveira 🇵🇹",
    members: &[TOM, MAE, INES, JOANA, RUI, CAMILLE],
};
pub(super) const TEAM: Group =
    Group { jid: "120363040000000202@g.us", subject: "Almond & Rye – team", members: &[BEN, PRIYA, KOFI, ZOSIA] };
pub(super) const ROTA: Group =
    Group { jid: "120363040000000203@g.us", subject: "Early bakes 🥐 rota", members: &[BEN, ZOSIA] };
pub(super) const SCHOOL: Group = Group {
    jid: "120363040000000204@g.us",
    subject: "Year 3 parents – Elm class",
    members: &[RACHEL, HANNAH, OMAR, DIYA, MINJUN, TOM],
};
pub(super) const PARTY: Group =
    Group { jid: "120363040000000205@g.us", subject: "Leo turns 8 🎈", members: &[TOM, HANNAH, MINJUN, DIYA] };
pub(super) const FOOTBALL: Group = Group {
    jid: "120363040000000206@g.us",
    subject: "Southville U9 ⚽",
    members: &[ANDREI, HANNAH, OMAR, MINJUN, TOM],
};
pub(super) const TRADERS: Group =
    Group { jid: "120363040000000207@g.us", subject: "North Street traders", members: &[CLAIRE, GRAHAM, YUSUF, SAM] };
pub(super) const BOOKS: Group =
    Group { jid: "120363040000000208@g.us", subject: "Book club 📚", members: &[CLAIRE, FIONA, MOIRA, JOANA] };
pub(super) const JAPANESE: Group =
    Group { jid: "120363040000000209@g.us", subject: "火曜日の会話クラブ 🍵", members: &[SATO, YUKI, MEI] };
pub(super) const REFIT: Group =
    Group { jid: "120363040000000210@g.us", subject: "Kitchen refit", members: &[DAVE, JUERGEN, TOM, WHITCOMBE] };
pub(super) const MARKET: Group =
    Group { jid: "120363040000000211@g.us", subject: "Saturday market stalls", members: &[OLENA, ELENI, DAIRY, MOIRA] };
pub(super) const ALLOTMENT: Group =
    Group { jid: "120363040000000212@g.us", subject: "Allotment 🌱 plots 27–31", members: &[MOIRA, PETE, GRAHAM] };
pub(super) const DIWALI: Group =
    Group {
        jid: "120363040000000213@g.us", subject: "दीवाली की मिठाई 🪔", members: &[PRIYA, DIYA, KOFI]
    };
