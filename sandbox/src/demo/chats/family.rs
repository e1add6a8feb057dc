//! The demo account's family.

use crate::demo::{
    chat::{Chat, DAY, HOUR, Line},
    groups::FAMILY,
    people::{CAMILLE, INES, JOANA, MAE, ME, RUI, TOM},
};

pub(super) fn chats() -> Vec<Chat> {
    vec![
        Chat::direct(TOM, 6, 2 * DAY, TOM_LINES).pinned().unread(1),
        Chat::direct(MAE, 50, 9 * DAY, MAE_LINES).pinned(),
        Chat::direct(INES, 14, 3 * DAY, INES_LINES).unread(2),
        Chat::direct(JOANA, 5 * HOUR, 20 * DAY, JOANA_LINES),
        Chat::direct(RUI, 16 * DAY, 30 * DAY, RUI_LINES),
        Chat::direct(CAMILLE, 4 * DAY, 12 * DAY, CAMILLE_LINES),
        Chat::group(FAMILY, 95, 11 * DAY, FAMILY_LINES).pinned(),
    ]
}

const TOM_LINES: &[Line] = &[
    (TOM, "Did you leave already? Your apron is on the chair"),
    (ME, "4:20 as always 😴 keep it, I have three here"),
    (TOM, "Leo wants to know if there are cinnamon knots today"),
    (ME, "There are now"),
    (TOM, "You have made a small man very happy"),
    (ME, "Can you do football pick-up on Thursday? Andrei moved it to 5"),
    (TOM, "Yes. And parents' evening is the 14th, not the 12th"),
    (ME, "I had it wrong in two calendars then"),
    (TOM, "Car's MOT passed by the way. New tyres in spring"),
    (ME, "😌 How much?"),
    (TOM, "You don't want to know before lunch"),
    (ME, "Ha. Home by 3, I'll bring the unsold focaccia"),
    (TOM, "Your mum rang, says you never pick up. Ring her?"),
    (ME, "Ringing her after the lunch rush"),
    (TOM, "Also we're out of milk. You run a café. The irony"),
];

const MAE_LINES: &[Line] = &[
    (MAE, "Filha, já comeste hoje?"),
    (ME, "Já mãe, sopa e pão"),
    (MAE, "Pão não é comida para quem faz pão"),
    (ME, "😂"),
    (MAE, "A Inês disse que tem teste de matemática. Reza-se por ela"),
    (ME, "Ela estudou, vai correr bem"),
    (MAE, "Domingo faço bacalhau com natas. Vens com todos?"),
    (ME, "Vamos todos! Levo os pastéis"),
    (MAE, "Leva doze. O teu tio come seis"),
    (MAE, "E o casaco do Leo ficou cá"),
    (ME, "Obrigada mãe, apanho no domingo. Beijinhos ❤️"),
];

const INES_LINES: &[Line] = &[
    (INES, "mum can Freya come over after school"),
    (ME, "Yes but homework first, both of you"),
    (INES, "we ARE doing homework. biology. on the sofa"),
    (ME, "Hm 🤨"),
    (INES, "maths was ok btw!! 78"),
    (ME, "That is wonderful! Avó lit a candle for you"),
    (INES, "omg ahaha tell her it worked"),
    (ME, "You tell her, she would love a call"),
    (INES, "ok ok. also can I work Saturday morning at the café for money"),
    (INES, "pls. I can do the till now 🙏"),
];

const JOANA_LINES: &[Line] = &[
    (JOANA, "Mana, vi as fotos da montra nova, está linda!"),
    (ME, "A Priya é que tem jeito para aquilo 🌸"),
    (JOANA, "Vou a Bristol dia 22, há sofá para mim?"),
    (ME, "Há cama! A Inês dorme com a amiga nesse fim de semana"),
    (JOANA, "Perfeito. Levo queijo da Serra e chouriço, se me deixarem passar"),
    (ME, "Escreve \"presente\" na caixa"),
    (JOANA, "Comprei bilhete. Chego 18:40 ✈️"),
    (ME, "O Tom vai buscar-te"),
];

const RUI_LINES: &[Line] = &[
    (RUI, "Sobrinha, a receita da broa da avó leva banha ou azeite?"),
    (ME, "Banha, tio. Duas colheres. E farinha de milho escaldada"),
    (RUI, "A tua tia diz azeite"),
    (ME, "A tia é do Alentejo, lá é tudo azeite"),
    (RUI, "Vou mostrar-lhe esta mensagem 😄"),
];

const CAMILLE_LINES: &[Line] = &[
    (CAMILLE, "Coucou cousine ! Le feuilletage a tenu, merci pour tes conseils"),
    (ME, "Super ! Tu as bien laissé reposer une nuit ?"),
    (CAMILLE, "Oui, et du beurre à 84 %. Ça change tout"),
    (ME, "Je te l'avais dit 😉"),
    (CAMILLE, "On ouvre la boutique en mars si le four arrive à temps"),
    (ME, "Je viens à l'inauguration, promis"),
    (CAMILLE, "Alors réserve vite, les hôtels sont pleins à cause du salon 🥖"),
];

const FAMILY_LINES: &[Line] = &[
    (RUI, "Bom dia família! Chove em Lyon desde segunda"),
    (JOANA, "Aqui 22 graus, desculpem 😎"),
    (MAE, "Quem vem domingo? Preciso de saber quantas postas compro"),
    (TOM, "All four of us. I'm learning: obrigado, sogra!"),
    (MAE, "Muito bem Tom ❤️"),
    (INES, "avó posso levar a Freya"),
    (MAE, "Podes. Ela come peixe?"),
    (INES, "she eats everything"),
    (CAMILLE, "Mangez bien pour moi 🥲"),
    (RUI, "Guardem um pastel para o carteiro me trazer"),
    (ME, "Levo duas dúzias. O carteiro não aceita pastéis, já tentei"),
    (JOANA, "😂😂"),
    (MAE, "À uma em ponto. Em ponto, Marta"),
];
