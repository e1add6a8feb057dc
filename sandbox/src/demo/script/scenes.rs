//! Short conversations that the demo plays in this order, repeatedly.

use crate::demo::{
    chat::{Group, Line, With},
    groups::{FAMILY, FOOTBALL, JAPANESE, MARKET, SCHOOL, TEAM, TRADERS},
    people::{
        ANDREI, BEN, CHEN, CLAIRE, DIYA, ELENI, GARETH, GRAHAM, HANNAH, INES, JOANA, JUERGEN, KOFI, MAE, MEI, MILL,
        MOIRA, NOA, OLENA, OMAR, PRIYA, Person, RACHEL, RUI, SAM, SATO, SOPHIE, STRANGER, TOM, YUKI, YUSUF, ZOSIA,
    },
};

/// The lines of a conversation in one chat, in order.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) with: With,
    pub(super) lines: &'static [Line],
}

const fn direct(with: Person, lines: &'static [Line]) -> Scene {
    Scene { with: With::Person(with), lines }
}

const fn group(with: Group, lines: &'static [Line]) -> Scene {
    Scene { with: With::Group(with), lines }
}

/// All scenes. In a direct chat only the contact writes.
pub(super) const SCENES: &[Scene] = &[
    direct(
        MEI,
        &[
            (MEI, "追跡番号です: UJ 5501 22 🍵"),
            (MEI, "The courier says Thursday before noon"),
            (MEI, "お茶の淹れ方の紙も入れておきました"),
        ],
    ),
    group(
        TEAM,
        &[
            (PRIYA, "Queue out of the door, who can help on the counter?"),
            (KOFI, "Coming, hands are washed"),
            (BEN, "Second batch of croissants in four minutes"),
            (ZOSIA, "Oat milk is nearly out, I'm opening the last box"),
        ],
    ),
    direct(
        TOM,
        &[
            (TOM, "Football bag is packed, boots are NOT in it, do you know where?"),
            (TOM, "Found them. In the bath. No questions"),
        ],
    ),
    direct(
        GARETH,
        &[
            (GARETH, "Sorry me again"),
            (GARETH, "Make it 24. They told the second floor"),
            (GARETH, "Can I pay by card?"),
        ],
    ),
    group(
        FAMILY,
        &[
            (MAE, "Já comprei o bacalhau. Está lindo"),
            (JOANA, "Guardem-me um prato!"),
            (RUI, "E o arroz doce? Quem faz o arroz doce?"),
            (INES, "avó faz sempre 😋"),
            (MAE, "Faço. Com canela em cima, como deve ser"),
        ],
    ),
    direct(YUSUF, &[(YUSUF, "صباح الخير، الشاحنة في الطريق"), (YUSUF, "عشرون كيلو لوز وخمسة فستق، كما اتفقنا ✅")]),
    group(
        SCHOOL,
        &[
            (RACHEL, "Has everybody sent the trip money? Four are missing"),
            (OMAR, "Sent just now"),
            (HANNAH, "Was it £6 or £16"),
            (RACHEL, "6!"),
            (DIYA, "मैंने कल भेज दिया था 👍"),
        ],
    ),
    direct(
        SOPHIE,
        &[
            (SOPHIE, "Quick one: mum asks if the top tier could be lavender?"),
            (SOPHIE, "(Dan says no)"),
            (SOPHIE, "Dan has been overruled 💜"),
        ],
    ),
    direct(OLENA, &[(OLENA, "Доброго ранку! Завтра привезу свіжий мед"), (OLENA, "І трохи гречаного, на пробу 🐝")]),
    group(
        FOOTBALL,
        &[
            (ANDREI, "Pitch 2 is flooded, we play on pitch 4 today"),
            (HANNAH, "The one with the slope?"),
            (ANDREI, "Да. First half downhill 😄"),
            (OMAR, "Sami is thrilled, he's in goal uphill"),
        ],
    ),
    direct(BEN, &[(BEN, "Left deck is at 262. I turned it down and gave it a look"), (BEN, "When does Jürgen come?")]),
    direct(
        JUERGEN,
        &[
            (JUERGEN, "Der Fühler ist da. Ich komme am 18. um 15 Uhr"),
            (JUERGEN, "Bitte den Ofen bis 13 Uhr ausschalten"),
        ],
    ),
    direct(STRANGER, &[(STRANGER, "It has a wooden duck for a handle"), (STRANGER, "I can come by before 5?")]),
    group(
        JAPANESE,
        &[
            (YUKI, "今日の宿題、むずかしかったです"),
            (SATO, "だいじょうぶ、いっしょに見ましょう"),
            (YUKI, "ありがとうございます 🙏"),
        ],
    ),
    direct(NOA, &[(NOA, "בוקר טוב! הארגז יוצא היום"), (NOA, "שמתי גם סילאן חדש, תגידי לי מה דעתך")]),
    group(
        TRADERS,
        &[
            (GRAHAM, "Van in the loading bay since six, anybody's?"),
            (CLAIRE, "Books. Moving it in ten"),
            (SAM, "Mine's the one behind, no rush ☕"),
        ],
    ),
    direct(
        INES,
        &[(INES, "mum"), (INES, "muuum"), (INES, "is there a job on saturday yes or no, Freya is asking too")],
    ),
    direct(PRIYA, &[(PRIYA, "इलायची बन का बोर्ड तैयार है, देखिए कैसा लगा"), (PRIYA, "तीन ग्राहक पहले ही पूछ चुके 😄")]),
    group(
        MARKET,
        &[
            (ELENI, "Το Σάββατο θα έχω και ελιές"),
            (OLENA, "Чудово! А я пряники"),
            (MOIRA, "The forecast says sun. The forecast is lying"),
        ],
    ),
    direct(CHEN, &[(CHEN, "纸袋已经印好了，明天发货"), (CHEN, "颜色和样品一样，深绿色 🌿")]),
    direct(MILL, &[(MILL, "Driver is ten minutes away"), (MILL, "6 rye after all, found two on the top shelf")]),
    direct(MAE, &[(MAE, "Filha, liga quando puderes"), (MAE, "Não é nada grave. É sobre o bacalhau")]),
];
