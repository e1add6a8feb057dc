//! Suppliers and tradespeople of the demo account.

use crate::demo::{
    chat::{Chat, DAY, HOUR, Line, Mute},
    groups::REFIT,
    people::{
        CHEN, COUNCIL, DAIRY, DAVE, ELENI, FIONA, JUERGEN, ME, MEI, MILL, NOA, OLENA, PARCELS, SAM, TOM, WHITCOMBE,
        YUSUF,
    },
};

pub(super) fn chats() -> Vec<Chat> {
    vec![
        Chat::direct(YUSUF, 3 * HOUR, 21 * DAY, YUSUF_LINES),
        Chat::direct(MEI, 38, 17 * DAY, MEI_LINES).unread(1),
        Chat::direct(OLENA, 28 * HOUR, 10 * DAY, OLENA_LINES),
        Chat::direct(NOA, 3 * DAY, 19 * DAY, NOA_LINES),
        Chat::direct(CHEN, 6 * DAY, 33 * DAY, CHEN_LINES),
        Chat::direct(MILL, 4 * HOUR, 14 * DAY, MILL_LINES).unread(1),
        Chat::direct(DAIRY, 75, 4 * DAY, DAIRY_LINES),
        Chat::direct(SAM, 9 * HOUR, 25 * DAY, SAM_LINES),
        Chat::direct(ELENI, 12 * DAY, 22 * DAY, ELENI_LINES),
        Chat::direct(JUERGEN, 31 * HOUR, 40 * DAY, JUERGEN_LINES),
        Chat::direct(DAVE, 35 * DAY, 6 * DAY, DAVE_LINES).archived(),
        Chat::direct(FIONA, 2 * DAY, 30 * DAY, FIONA_LINES).marked_unread(),
        Chat::direct(WHITCOMBE, 24 * DAY, 60 * DAY, WHITCOMBE_LINES).archived(),
        Chat::direct(COUNCIL, 88 * DAY, 9 * DAY, COUNCIL_LINES).archived(),
        Chat::direct(PARCELS, 13 * HOUR, 50 * DAY, PARCELS_LINES).muted(Mute::Minutes(7 * DAY)),
        Chat::group(REFIT, 140 * DAY, 35 * DAY, REFIT_LINES).archived().muted(Mute::Minutes(300 * DAY)),
    ]
}

const YUSUF_LINES: &[Line] = &[
    (YUSUF, "السلام عليكم سيدة مارتا، وصل اللوز الجديد من المحصول"),
    (ME, "Wonderful news Yusuf! Same price as last time?"),
    (YUSUF, "نفس السعر لكِ، والفستق أيضاً متوفر"),
    (ME, "Then 20 kg almonds and 5 kg pistachio please"),
    (YUSUF, "إن شاء الله يوم الأربعاء صباحاً"),
    (ME, "Wednesday is perfect, شكراً 🙏"),
    (YUSUF, "عفواً. وسلامي للعائلة"),
];

const MEI_LINES: &[Line] = &[
    (MEI, "こんにちは!春の抹茶が届きました🍵"),
    (ME, "Lovely! Is it the same garden as last year?"),
    (MEI, "はい、宇治の同じ農園です。香りがとても良いです"),
    (ME, "2 kg please, and can you send the leaflet again?"),
    (MEI, "かしこまりました。明日発送します"),
    (MEI, "Leaflet is in the box, in English this time 😊"),
    (ME, "ありがとうございます!"),
    (MEI, "追跡番号はのちほどお送りします"),
];

const OLENA_LINES: &[Line] = &[
    (OLENA, "Добрий день! Мед із липи вже готовий, 12 банок ваші"),
    (ME, "Thank you Olena! Can you bring them to the market on Saturday?"),
    (OLENA, "Так, звичайно. Привезу ще трохи прополісу"),
    (ME, "My mother will be delighted"),
    (OLENA, "Передавайте їй вітання 🐝"),
];

const NOA_LINES: &[Line] = &[
    (NOA, "היי מרתה! יש טחינה גולמית חדשה, רוצה לטעום?"),
    (ME, "Always! Two jars to try in the halva brownies?"),
    (NOA, "מעולה, שלחתי שלוש. אחת מתנה 🎁"),
    (ME, "You're too kind. The brownies sell out every day"),
    (NOA, "אז תזמיני ארגז שלם בפעם הבאה 😉"),
    (ME, "Deal. One crate for the 1st"),
    (NOA, "רשמתי. תודה!"),
];

const CHEN_LINES: &[Line] = &[
    (CHEN, "您好，纸袋的样品已经寄出"),
    (ME, "Got them, thank you! The brown ones feel better"),
    (CHEN, "好的，印logo需要两周"),
    (ME, "5,000 bags with the almond branch in dark green, please"),
    (CHEN, "没问题，定金30%"),
    (ME, "Paid this morning"),
    (CHEN, "收到，谢谢老板 👍"),
];

const MILL_LINES: &[Line] = &[
    (ME, "Order for Thursday: 10 × strong white 16 kg, 6 × rye, 4 × spelt"),
    (MILL, "Received. Rye is short this week, 4 now and 2 on Monday. OK?"),
    (ME, "OK if Monday is early"),
    (MILL, "Driver says 6 am"),
    (ME, "Then there is coffee for the driver"),
    (MILL, "He has already heard 😀"),
    (ME, "Order for next Thursday: the same again"),
    (MILL, "Received. New price list from the 1st attached to the invoice, sorry"),
];

const DAIRY_LINES: &[Line] = &[
    (DAIRY, "Morning Marta, usual tomorrow?"),
    (ME, "Usual plus 10 litres, wedding tasting"),
    (DAIRY, "40 whole, 10 oat, 6 cream, 12 butter. Right?"),
    (ME, "Spot on"),
    (DAIRY, "Crates from Monday please, we're running out"),
    (ME, "Stacked by the back door"),
];

const SAM_LINES: &[Line] = &[
    (SAM, "New Ethiopian on the cupping table, come and slurp"),
    (ME, "Tuesday after close?"),
    (SAM, "Perfect. Bring pastries, obviously"),
    (ME, "Obviously"),
    (SAM, "House blend roast date will be Wednesdays from now on"),
    (ME, "Good, fresher for the weekend. 12 kg please"),
    (SAM, "12 kg it is. Grinder burrs are due by the way, I can do them Tuesday"),
    (ME, "You're a star ⭐"),
];

const ELENI_LINES: &[Line] = &[
    (ELENI, "Καλημέρα Μάρτα! Το νέο λάδι είναι έτοιμο"),
    (ME, "Kaliméra Eleni! Six tins of five litres?"),
    (ELENI, "Ναι βέβαια. Θα τα φέρει ο αδερφός μου την Παρασκευή"),
    (ME, "Efcharistó! He gets a focaccia"),
];

const JUERGEN_LINES: &[Line] = &[
    (ME, "Hello Jürgen, the left deck runs 15° too hot again"),
    (JUERGEN, "Guten Tag Frau Oliveira, das klingt nach dem Fühler. Baujahr 2017?"),
    (ME, "Yes, 2017. Can it wait a week?"),
    (JUERGEN, "Ja, aber bitte nicht über 240 °C fahren"),
    (JUERGEN, "Ersatzteil ist bestellt, ich bin am 18. in Bristol"),
    (ME, "Great, 18th works, before 5 am or after 3 pm"),
    (JUERGEN, "Dann um 15 Uhr. Frühaufsteher bin ich nicht 😄"),
];

const DAVE_LINES: &[Line] = &[
    (ME, "Hi Dave, the lights over the counter flicker"),
    (DAVE, "Driver's gone I reckon. Thursday 4ish?"),
    (ME, "Perfect"),
    (DAVE, "All done, left the old one by the bins. Invoice to follow"),
    (ME, "Paid, thanks. Not a flicker since"),
];

const FIONA_LINES: &[Line] = &[
    (FIONA, "Hi Marta, VAT quarter closes on the 31st. Still missing: flour June, card reader May"),
    (ME, "Sent both to the inbox"),
    (FIONA, "Got them, thank you. Payroll is ready for your OK"),
    (ME, "OK from me"),
    (FIONA, "The pension letter needs a signature, page 3. Before the 7th please!"),
];

const WHITCOMBE_LINES: &[Line] = &[
    (WHITCOMBE, "Dear Mrs Oliveira, the roof inspection is on Tuesday at ten."),
    (ME, "Thank you, the ladder is in the yard"),
    (WHITCOMBE, "Two tiles replaced. Kind regards, A. Whitcombe"),
    (ME, "Thank you Mr Whitcombe. A loaf is behind the counter for you"),
];

const COUNCIL_LINES: &[Line] = &[
    (COUNCIL, "Your food hygiene inspection took place today. The report follows within 14 days."),
    (ME, "Thank you, looking forward to it"),
    (COUNCIL, "Rating: 5 – very good. Please display the sticker at the entrance."),
];

const PARCELS_LINES: &[Line] = &[
    (PARCELS, "Your parcel is on its way and arrives between 10:15 and 11:15."),
    (PARCELS, "We left your parcel with: café staff."),
    (PARCELS, "How did we do? Reply 1 to 5"),
    (ME, "5"),
    (PARCELS, "Your parcel from UJI MATCHA is being prepared."),
];

const REFIT_LINES: &[Line] = &[
    (ME, "Everybody in one place: plan is in the drive, start on the 3rd"),
    (DAVE, "Sockets on the island are 32 A, right?"),
    (JUERGEN, "Ja, der Ofen braucht 32 A, drei Phasen"),
    (DAVE, "Understood the 32 and the nod"),
    (TOM, "Skip arrives on the 2nd, bay is suspended until the 20th"),
    (WHITCOMBE, "Please protect the stairs. Regards, A. Whitcombe"),
    (DAVE, "First fix done ⚡"),
    (JUERGEN, "Ofen steht. Testlauf 240 °C ohne Probleme"),
    (ME, "I could cry. It is beautiful. Thank you all"),
    (TOM, "She did cry"),
];
