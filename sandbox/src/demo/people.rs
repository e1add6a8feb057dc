//! The people of the demo account. All numbers are from ranges reserved for fiction.

/// A person of the demo, as the phone knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    /// The number, digits only; empty for [`ME`].
    pub(super) phone: &'static str,
    /// The name in the address book.
    pub(super) name: Option<&'static str>,
    /// The person's push name.
    pub(super) push_name: Option<&'static str>,
}

impl Person {
    /// A person in the address book.
    const fn saved(phone: &'static str, name: &'static str, push_name: &'static str) -> Self {
        Self { phone, name: Some(name), push_name: Some(push_name) }
    }

    /// A person who is only known by the push name.
    const fn unsaved(phone: &'static str, push_name: &'static str) -> Self {
        Self { phone, name: None, push_name: Some(push_name) }
    }

    /// A person who is only known by the number.
    const fn unknown(phone: &'static str) -> Self {
        Self { phone, name: None, push_name: None }
    }

    /// The JID of the direct chat with this person.
    pub(super) fn jid(self) -> String {
        format!("{}@s.whatsapp.net", self.phone)
    }

    /// The user part of the person's LID: 15 digits, derived from the number so that it is unique.
    pub(super) fn lid(self) -> String {
        format!("209{:0>12}", self.phone)
    }

    /// The person's name as the phone shows it.
    pub(super) fn shown(self) -> &'static str {
        self.name.or(self.push_name).unwrap_or(self.phone)
    }
}

/// The owner of the demo account, as an author.
pub(super) const ME: Person = Person::unknown("");

// Family.
pub(super) const TOM: Person = Person::saved("447700900101", "Tom ❤️", "Tom");
pub(super) const MAE: Person = Person::saved("447700900102", "Mãe", "Lurdes Oliveira");
pub(super) const INES: Person = Person::saved("447700900103", "Inês", "inês 🦋");
pub(super) const JOANA: Person = Person::saved("447700900104", "Joana", "Joana Oliveira");
pub(super) const RUI: Person = Person::saved("33639980105", "Tio Rui", "Rui");
pub(super) const CAMILLE: Person = Person::saved("33639980106", "Camille Durand", "Camille");

// The café's team.
pub(super) const BEN: Person = Person::saved("447700900111", "Ben Carter (baker)", "Ben C");
pub(super) const PRIYA: Person = Person::saved("447700900112", "प्रिया शर्मा", "Priya");
pub(super) const KOFI: Person = Person::saved("447700900113", "Kofi weekend", "Kofi M.");
pub(super) const ZOSIA: Person = Person::saved("447700900114", "Zosia", "Zofia Łukasik");

// Suppliers and services.
pub(super) const YUSUF: Person = Person::saved("442079460121", "يوسف الحداد", "Yusuf Haddad");
pub(super) const MEI: Person = Person::saved("12135550122", "Mei Tanaka", "芽衣");
pub(super) const OLENA: Person = Person::saved("447700900123", "Олена Коваль", "Олена");
pub(super) const NOA: Person = Person::saved("442079460124", "נועה לוי", "Noa");
pub(super) const CHEN: Person = Person::saved("14155550125", "陈伟 包装", "陈伟");
pub(super) const MILL: Person = Person::saved("442079460126", "Avon Mill – flour orders", "Avon Mill");
pub(super) const DAIRY: Person = Person::saved("447700900127", "Harptree Dairy 🥛", "Harptree Dairy");
pub(super) const SAM: Person = Person::saved("447700900128", "Sam Hatch (roaster)", "Sam");
pub(super) const ELENI: Person = Person::saved("447700900129", "Ελένη Παπαδοπούλου", "Ελένη");
pub(super) const JUERGEN: Person = Person::saved("493023125130", "Jürgen Ofenservice", "J. Krüger");
pub(super) const DAVE: Person = Person::saved("447700900131", "Dave Electric ⚡", "Dave");
pub(super) const FIONA: Person = Person::saved("447700900132", "Fiona (accounts)", "Fiona Reid");
pub(super) const WHITCOMBE: Person = Person::saved("442079460133", "Mr Whitcombe landlord", "A. Whitcombe");
pub(super) const COUNCIL: Person = Person::saved("442079460134", "Council food safety", "Food Safety Team");
pub(super) const DENTAL: Person = Person::saved("442079460135", "Southville Dental", "Southville Dental");
pub(super) const PARCELS: Person = Person::unsaved("442079460136", "ParcelPoint");

// Customers.
pub(super) const SOPHIE: Person = Person::saved("447700900141", "Sophie wedding cake", "Sophie & Dan");
pub(super) const ABERNATHY: Person = Person::saved("447700900142", "Mrs Abernathy", "Jean");
pub(super) const GARETH: Person = Person::unsaved("447700900143", "Gareth P");
pub(super) const LINA: Person = Person::unsaved("447700900144", "🌻 Lina");
pub(super) const STRANGER: Person = Person::unknown("447700900145");
pub(super) const HALIMA: Person = Person::unsaved("447700900146", "حليمة");

// Neighbours, school, club.
pub(super) const PETE: Person = Person::saved("447700900151", "Pete no. 14", "Pete");
pub(super) const MINJUN: Person = Person::saved("447700900152", "김민준 (Leo's friend's dad)", "민준");
pub(super) const RACHEL: Person = Person::saved("447700900153", "Rachel Elm class", "Rachel W");
pub(super) const ANDREI: Person = Person::saved("447700900154", "Андрей (coach)", "Андрей");
pub(super) const HANNAH: Person = Person::unsaved("447700900155", "Hannah – Ollie's mum");
pub(super) const OMAR: Person = Person::unsaved("447700900156", "Omar");
pub(super) const DIYA: Person = Person::unsaved("447700900157", "दिया");
pub(super) const CLAIRE: Person = Person::saved("447700900158", "Claire bookshop", "Claire at Storysmith");
pub(super) const GRAHAM: Person = Person::saved("447700900159", "Graham hardware", "Graham");
pub(super) const SATO: Person = Person::saved("12065550160", "佐藤 健", "Ken Sato");
pub(super) const YUKI: Person = Person::unsaved("12065550161", "ゆき");
pub(super) const MOIRA: Person = Person::saved("447700900162", "Moira allotment", "Moira");
