//! The demo account's customers, some of whom were never saved.

use crate::demo::{
    chat::{Chat, DAY, HOUR, Line},
    people::{ABERNATHY, GARETH, HALIMA, LINA, ME, SOPHIE, STRANGER},
};

pub(super) fn chats() -> Vec<Chat> {
    vec![
        Chat::direct(SOPHIE, 65, 45 * DAY, SOPHIE_LINES),
        Chat::direct(ABERNATHY, 30 * HOUR, 18 * DAY, ABERNATHY_LINES),
        Chat::direct(GARETH, 3, 25, GARETH_LINES).unread(3),
        Chat::direct(LINA, 5 * DAY, 2 * DAY, LINA_LINES),
        Chat::direct(HALIMA, 8 * DAY, DAY, HALIMA_LINES),
        Chat::direct(STRANGER, 41, 4, STRANGER_LINES).unread(2),
    ]
}

const SOPHIE_LINES: &[Line] = &[
    (SOPHIE, "Hi! Friends told us you do wedding cakes? 14 June, about 80 people"),
    (ME, "Congratulations! Yes we do. Any flavours in mind?"),
    (SOPHIE, "Lemon and elderflower for me, chocolate for Dan 😬"),
    (ME, "Two tiers each way then. Peace is saved"),
    (SOPHIE, "You're a marriage counsellor"),
    (ME, "Tasting on Wednesday at 3?"),
    (SOPHIE, "Perfect, both of us and my mum"),
    (ME, "One thing: fresh flowers or sugar ones?"),
    (SOPHIE, "Fresh, the florist will talk to you"),
    (ME, "Allergies among the guests?"),
    (SOPHIE, "Two nut allergies, one gluten"),
    (ME, "Then a separate small one for them, made first thing in a clean kitchen"),
    (SOPHIE, "Thank you SO much. Deposit is sent 💛"),
    (ME, "Received, see you at 3!"),
];

const ABERNATHY_LINES: &[Line] = &[
    (ABERNATHY, "Dear Marta. This is Jean from the corner table. My grandson has put you in my telephone."),
    (ME, "Hello Jean! How nice"),
    (ABERNATHY, "Could I order a Victoria sponge for the 12th. Eighty candles will not be necessary."),
    (ME, "With eight then, one per decade 🎂"),
    (ABERNATHY, "Splendid. And tell the tall boy he makes a very good pot of tea."),
    (ME, "Kofi says hi back!"),
];

const GARETH_LINES: &[Line] = &[
    (GARETH, "Hello, is it you with the gluten free brownies?"),
    (ME, "It is! Fresh ones every Tuesday and Friday"),
    (GARETH, "Great. Could you keep 12 for Friday?"),
    (GARETH, "Actually 18"),
    (GARETH, "My team found out"),
];

const LINA_LINES: &[Line] = &[
    (LINA, "hiii do you have oat flat whites to take to the park with a dog"),
    (ME, "We do, and a biscuit for the dog"),
    (LINA, "the dog says YES 🐕"),
    (ME, "Tell the dog we open at 8"),
];

const HALIMA_LINES: &[Line] = &[
    (HALIMA, "مساء الخير، هل عندكم كعك العيد؟"),
    (ME, "Good evening! Yes, ma'amoul with dates or pistachio"),
    (HALIMA, "ممتاز، أريد ٣٠ قطعة مشكّلة ليوم الخميس"),
    (ME, "Thursday from 9, in a box with a ribbon"),
    (HALIMA, "شكراً جزيلاً 🌙"),
];

const STRANGER_LINES: &[Line] = &[
    (STRANGER, "Is this the bakery on North Street?"),
    (STRANGER, "I think I left a green umbrella on the bench outside"),
];
