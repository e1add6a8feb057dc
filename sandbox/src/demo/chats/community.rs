//! School, football, the street, the book club: everything the demo account is also in.

use crate::demo::{
    chat::{Chat, DAY, HOUR, Line, Mute},
    groups::{ALLOTMENT, BOOKS, FOOTBALL, JAPANESE, MARKET, PARTY, SCHOOL, TRADERS},
    people::{
        ANDREI, CLAIRE, DAIRY, DENTAL, DIYA, ELENI, FIONA, GRAHAM, HANNAH, JOANA, ME, MEI, MINJUN, MOIRA, OLENA, OMAR,
        PETE, RACHEL, SAM, SATO, TOM, YUKI, YUSUF,
    },
};

pub(super) fn chats() -> Vec<Chat> {
    vec![
        Chat::direct(PETE, 2 * DAY, 27 * DAY, PETE_LINES),
        Chat::direct(MINJUN, 10 * HOUR, 16 * DAY, MINJUN_LINES),
        Chat::direct(DENTAL, 62 * DAY, 4 * DAY, DENTAL_LINES).archived(),
        Chat::direct(SATO, 20 * DAY, 8 * DAY, SATO_LINES),
        Chat::group(SCHOOL, 12, 30 * HOUR, SCHOOL_LINES).muted(Mute::Forever).unread(9),
        Chat::group(PARTY, 77 * DAY, 15 * DAY, PARTY_LINES).archived(),
        Chat::group(FOOTBALL, 55, 3 * DAY, FOOTBALL_LINES).muted(Mute::Minutes(8 * HOUR)).unread(3),
        Chat::group(TRADERS, 6 * HOUR, 9 * DAY, TRADERS_LINES),
        Chat::group(BOOKS, 4 * DAY, 26 * DAY, BOOKS_LINES),
        Chat::group(JAPANESE, 23 * HOUR, 14 * DAY, JAPANESE_LINES).unread(1),
        Chat::group(MARKET, 5 * DAY, 7 * DAY, MARKET_LINES),
        Chat::group(ALLOTMENT, 11 * DAY, 40 * DAY, ALLOTMENT_LINES),
    ]
}

const PETE_LINES: &[Line] = &[
    (PETE, "Your recycling blew into ours, put it back 👍"),
    (ME, "Thank you Pete! A loaf is coming over the wall"),
    (PETE, "That's why I do it"),
    (PETE, "Away the 3rd to the 10th, could you water the tomatoes?"),
    (ME, "Of course, Leo will be in charge"),
    (PETE, "God help them 😄"),
];

const MINJUN_LINES: &[Line] = &[
    (MINJUN, "안녕하세요! 지호가 레오랑 토요일에 놀고 싶대요"),
    (ME, "Leo would love that! Our place at 2?"),
    (MINJUN, "네 좋아요. 간식은 제가 가져갈게요"),
    (ME, "Bring nothing, we live in a bakery 😂"),
    (MINJUN, "하하 그럼 과일만요 🍓"),
];

const DENTAL_LINES: &[Line] = &[
    (DENTAL, "Reminder: check-up for LEO on Tuesday at 15:40. Reply C to confirm."),
    (ME, "C"),
    (DENTAL, "Thank you, see you on Tuesday."),
];

const SATO_LINES: &[Line] = &[
    (SATO, "マルタさん、発音がとても良くなりましたね"),
    (ME, "ほんとうですか?うれしいです!"),
    (SATO, "次の課題は第七課です。ゆっくりどうぞ"),
    (ME, "がんばります 💪"),
];

const SCHOOL_LINES: &[Line] = &[
    (RACHEL, "Reminder: museum trip on Wednesday, packed lunch and a coat!"),
    (HANNAH, "Coat as in waterproof?"),
    (RACHEL, "It's Bristol, so yes"),
    (TOM, "Leo's slip is in his bag since Monday, probably under the banana"),
    (DIYA, "बस कितने बजे निकलेगी? 9 or 9:15?"),
    (RACHEL, "9:15 sharp"),
    (OMAR, "I can help on the trip if you still need parents"),
    (RACHEL, "Omar you're a hero, yes please"),
    (MINJUN, "지호도 가요! Jiho is very excited"),
    (ME, "I'll send a tray of flapjacks, nut free"),
    (RACHEL, "MARTA 😍"),
    (HANNAH, "Ollie has lost a shoe. One shoe. Has anyone seen a shoe"),
    (OMAR, "Left or right?"),
    (HANNAH, "Does it matter 😂 left"),
    (DIYA, "There's one on the radiator in the corridor"),
    (HANNAH, "THAT'S IT. Bless you"),
    (MINJUN, "👏👏"),
    (RACHEL, "And please label the shoes"),
    (OMAR, "Also football moved to 5 on Thursday, for those who are in both groups"),
];

const PARTY_LINES: &[Line] = &[
    (ME, "Leo turns 8! Saturday the 9th, 2 to 5, at the café after we close"),
    (HANNAH, "We're in 🎉"),
    (DIYA, "ज़रूर आएँगे!"),
    (MINJUN, "지호 갑니다 🎂"),
    (TOM, "There will be a pizza oven and ten children. Pray for me"),
    (HANNAH, "Best party ever, he slept for eleven hours"),
    (ME, "Thank you all for coming ❤️ we found two jumpers and a tooth"),
];

const FOOTBALL_LINES: &[Line] = &[
    (ANDREI, "Всем привет! Training on Thursday moves to 17:00, pitch 2"),
    (OMAR, "Ok for Sami"),
    (TOM, "Ok for Leo, I'll drive three more if needed"),
    (HANNAH, "Tom you legend, Ollie please"),
    (ANDREI, "Суббота: match against Redland, kick-off 10:00, be there 9:30"),
    (ME, "Half-time buns are on us"),
    (ANDREI, "Спасибо! The best team nutrition in the league"),
    (MINJUN, "Jiho has a cold, not on Thursday, sorry"),
    (ANDREI, "Выздоравливай, Джихо! Bring shin pads, everybody, last time five forgot"),
    (OMAR, "Five is generous"),
];

const TRADERS_LINES: &[Line] = &[
    (CLAIRE, "Street lights meeting moved to the bookshop, Monday 18:30"),
    (GRAHAM, "I'll bring the ladder argument again"),
    (YUSUF, "سأكون هناك، مع الشاي"),
    (SAM, "Coffee from me then, the great tea and coffee summit"),
    (ME, "Leftover pastries guaranteed"),
    (CLAIRE, "Quorum guaranteed"),
    (GRAHAM, "Did anybody else get the letter about the loading bay?"),
    (ME, "Yes, and it says 7 am. My flour comes at 6. I'll write to them"),
    (CLAIRE, "Happy to co-sign"),
];

const BOOKS_LINES: &[Line] = &[
    (CLAIRE, "Next one: the 28th, and it's Moira's pick"),
    (MOIRA, "The one with the lighthouse. 300 pages, I promise it's quick"),
    (FIONA, "You said that about the whale"),
    (JOANA, "Vou ler em português, vale?"),
    (MOIRA, "Vale! That's all the Portuguese I have"),
    (ME, "I'm on page 12. It has been a busy month"),
    (FIONA, "Page 12 is further than the whale"),
    (CLAIRE, "Cake will be discussed more than the book, as is tradition"),
];

const JAPANESE_LINES: &[Line] = &[
    (SATO, "みなさん、今週の火曜日は七時からです"),
    (YUKI, "了解です!お菓子は何ですか?"),
    (ME, "抹茶のシフォンケーキです 🍵"),
    (YUKI, "やった〜 🎉"),
    (MEI, "オンラインで参加します。ロサンゼルスは朝の十一時です"),
    (SATO, "テーマは「旅行」にしましょう"),
    (ME, "はい、わかりました"),
    (YUKI, "友だちを一人連れて行ってもいいですか?"),
];

const MARKET_LINES: &[Line] = &[
    (MOIRA, "Pitches for Saturday: same as last week, Eleni next to Olena"),
    (ELENI, "Τέλεια, ευχαριστώ!"),
    (OLENA, "Дякую! Я буду о сьомій"),
    (DAIRY, "Van is in the garage, might be 15 minutes late"),
    (ME, "I'll keep your pitch with a tray of buns"),
    (DAIRY, "They'll be gone when I arrive, won't they"),
    (MOIRA, "A fine market, everybody. Rain held off until packing up ☔"),
];

const ALLOTMENT_LINES: &[Line] = &[
    (MOIRA, "Slugs. Again. All the lettuce on 28"),
    (PETE, "Beer traps"),
    (GRAHAM, "I sell copper tape, just saying"),
    (ME, "I have coffee grounds, buckets of them, help yourselves"),
    (MOIRA, "Took two, thank you. The slugs are now merely faster"),
    (PETE, "😂"),
    (GRAHAM, "Water is off from the 1st, fill your butts"),
];
