//! The people who work at the demo account's café.

use crate::demo::{
    chat::{Chat, DAY, HOUR, Line},
    groups::{DIWALI, ROTA, TEAM},
    people::{BEN, DIYA, KOFI, ME, PRIYA, ZOSIA},
};

pub(super) fn chats() -> Vec<Chat> {
    vec![
        Chat::direct(BEN, 22, 6 * DAY, BEN_LINES).unread(2),
        Chat::direct(PRIYA, 2 * HOUR, 5 * DAY, PRIYA_LINES),
        Chat::direct(KOFI, 26 * HOUR, 15 * DAY, KOFI_LINES),
        Chat::direct(ZOSIA, 7 * HOUR, 8 * DAY, ZOSIA_LINES),
        Chat::group(TEAM, 9, 2 * DAY, TEAM_LINES).unread(4),
        Chat::group(ROTA, 19 * HOUR, 13 * DAY, ROTA_LINES),
        Chat::group(DIWALI, 48 * DAY, 12 * DAY, DIWALI_LINES).archived(),
    ]
}

const BEN_LINES: &[Line] = &[
    (BEN, "Starter is sluggish, fed it twice. Sourdough out at 7 not 6:30"),
    (ME, "Fine, push the baguettes forward"),
    (BEN, "Done. Also the left deck runs 15° hot again"),
    (ME, "I'll write to Jürgen"),
    (BEN, "Tray of almond croissants came out perfect, put one aside for you"),
    (ME, "You know how to apologise for 6:30 emails"),
    (BEN, "Can I swap Friday with Zosia? Dentist"),
    (ME, "If Zosia says yes, yes"),
    (BEN, "She did. In exchange for my whole weekend playlist rights"),
    (BEN, "Rye flour: four bags left, that's Thursday at the latest"),
];

const PRIYA_LINES: &[Line] = &[
    (PRIYA, "नमस्ते मार्टा! आज दुकान में बहुत भीड़ थी"),
    (ME, "You were brilliant. How many flat whites?"),
    (PRIYA, "१८० से ऊपर। मशीन थक गई, मैं नहीं 😄"),
    (ME, "I owe you a long break"),
    (PRIYA, "इलायची वाले बन फिर से बनाएँ? तीन लोगों ने पूछा"),
    (ME, "Yes! Next week as special, you write the board"),
    (PRIYA, "पक्का 🌸 शनिवार को जल्दी आ जाऊँगी"),
];

const KOFI_LINES: &[Line] = &[
    (KOFI, "Hi Marta, exams are 3rd to 9th, can I skip that Saturday?"),
    (ME, "Of course, good luck!"),
    (KOFI, "Thank you!! Back on the 15th for sure"),
    (ME, "We'll survive. Barely. The regulars ask for you"),
    (KOFI, "Tell Mrs Abernathy I said hi 😂"),
    (KOFI, "All passed btw 🎉"),
    (ME, "KOFI! That calls for cake. Any cake. Your pick"),
];

const ZOSIA_LINES: &[Line] = &[
    (ZOSIA, "Dzień dobry szefowo, poppy seed came, smells amazing"),
    (ME, "Makowiec season then?"),
    (ZOSIA, "Moja babcia says you never open the oven for the first 30 minutes"),
    (ME, "Your babcia is hired"),
    (ZOSIA, "She wants 25 an hour and a chair"),
    (ME, "That's more than me 😅"),
    (ZOSIA, "Can I lock up at 17:00 tomorrow? Train to London"),
    (ME, "Yes, I'll do the till"),
];

const TEAM_LINES: &[Line] = &[
    (ME, "Morning all. Health check of the fridges today, please write the temperatures on the sheet"),
    (ZOSIA, "Walk-in 3.1, counter 4.4"),
    (PRIYA, "Milk fridge 3.8 ✅"),
    (BEN, "Dough retarder 2.9 and humming a tune"),
    (ME, "Perfect, thank you"),
    (KOFI, "Who took the good scissors"),
    (BEN, "Not me"),
    (ZOSIA, "Definitely Ben"),
    (BEN, "They are in my apron. I am sorry. I panicked"),
    (KOFI, "😂😂😂"),
    (ME, "New tip split from the 1st: equal by hours, as we talked about"),
    (PRIYA, "👍"),
    (ZOSIA, "👍🏻"),
    (KOFI, "🙌🏿"),
    (ME, "Wedding tasting at 15:00, please keep table 6 free"),
    (PRIYA, "Reserved sign is on it"),
    (ZOSIA, "The card reader says \"try later\" again"),
    (BEN, "Turn it off and on, then threaten it"),
    (ZOSIA, "Works. It was the threat"),
];

const ROTA_LINES: &[Line] = &[
    (ME, "Early bakes next week: Mon Ben, Tue Ben, Wed Zosia, Thu me, Fri Ben, Sat Zosia"),
    (BEN, "Fri I'm at the dentist, swapped with Zosia"),
    (ZOSIA, "confirmed, Fri me, Sat Ben"),
    (ME, "Noted, sheet on the wall is updated"),
    (BEN, "Bank holiday: open or closed?"),
    (ME, "Open 9 to 2, so start at 6 instead of 4:30"),
    (ZOSIA, "a lie-in 😍"),
];

const DIWALI_LINES: &[Line] = &[
    (PRIYA, "दीवाली के लिए क्या बनाएँ? मैं लड्डू और काजू कतली बना सकती हूँ"),
    (DIYA, "गुलाब जामुन भी! बच्चे बहुत पसंद करते हैं"),
    (ME, "Cardamom buns and almond laddu in the window, yes?"),
    (PRIYA, "हाँ! ५० डिब्बे काफ़ी होंगे"),
    (KOFI, "I can do the lights, I'm tall"),
    (DIYA, "सब बिक गए!! 🪔🪔 शुभ दीपावली सबको"),
    (ME, "Sold out by noon. शुभ दीपावली ❤️"),
];
