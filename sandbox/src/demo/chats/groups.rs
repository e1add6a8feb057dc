//! The groups the demo account is in.

use super::Group;
use crate::demo::people::{
    ANDREI, BEN, CAMILLE, CLAIRE, DAIRY, DAVE, DIYA, ELENI, FIONA, GRAHAM, HANNAH, INES, JOANA, JUERGEN, KOFI, MAE,
    MEI, MINJUN, MOIRA, OLENA, OMAR, PETE, PRIYA, RACHEL, RUI, SAM, SATO, TOM, WHITCOMBE, YUKI, YUSUF, ZOSIA,
};

pub(in crate::demo) const FAMILY: Group = Group {
    jid: "120363040000000201@g.us",
    subject: "Família Oliveira 🇵🇹",
    members: &[TOM, MAE, INES, JOANA, RUI, CAMILLE],
};
pub(in crate::demo) const TEAM: Group =
    Group { jid: "120363040000000202@g.us", subject: "Almond & Rye – team", members: &[BEN, PRIYA, KOFI, ZOSIA] };
pub(in crate::demo) const ROTA: Group =
    Group { jid: "120363040000000203@g.us", subject: "Early bakes 🥐 rota", members: &[BEN, ZOSIA] };
pub(in crate::demo) const SCHOOL: Group = Group {
    jid: "120363040000000204@g.us",
    subject: "Year 3 parents – Elm class",
    members: &[RACHEL, HANNAH, OMAR, DIYA, MINJUN, TOM],
};
pub(in crate::demo) const PARTY: Group =
    Group { jid: "120363040000000205@g.us", subject: "Leo turns 8 🎈", members: &[TOM, HANNAH, MINJUN, DIYA] };
pub(in crate::demo) const FOOTBALL: Group = Group {
    jid: "120363040000000206@g.us",
    subject: "Southville U9 ⚽",
    members: &[ANDREI, HANNAH, OMAR, MINJUN, TOM],
};
pub(in crate::demo) const TRADERS: Group =
    Group { jid: "120363040000000207@g.us", subject: "North Street traders", members: &[CLAIRE, GRAHAM, YUSUF, SAM] };
pub(in crate::demo) const BOOKS: Group =
    Group { jid: "120363040000000208@g.us", subject: "Book club 📚", members: &[CLAIRE, FIONA, MOIRA, JOANA] };
pub(in crate::demo) const JAPANESE: Group =
    Group { jid: "120363040000000209@g.us", subject: "火曜日の会話クラブ 🍵", members: &[SATO, YUKI, MEI] };
pub(in crate::demo) const REFIT: Group =
    Group { jid: "120363040000000210@g.us", subject: "Kitchen refit", members: &[DAVE, JUERGEN, TOM, WHITCOMBE] };
pub(in crate::demo) const MARKET: Group =
    Group { jid: "120363040000000211@g.us", subject: "Saturday market stalls", members: &[OLENA, ELENI, DAIRY, MOIRA] };
pub(in crate::demo) const ALLOTMENT: Group =
    Group { jid: "120363040000000212@g.us", subject: "Allotment 🌱 plots 27–31", members: &[MOIRA, PETE, GRAHAM] };
pub(in crate::demo) const DIWALI: Group =
    Group {
        jid: "120363040000000213@g.us", subject: "दीवाली की मिठाई 🪔", members: &[PRIYA, DIYA, KOFI]
    };
