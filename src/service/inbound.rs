//! The other door: what WhatsApp says happened, applied to the stored copy.
