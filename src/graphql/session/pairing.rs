//! The `Pairing` object.

use async_graphql::{Description, Object};
use qrcode::{EcLevel, QrCode, render::svg};

use crate::{
    domain::session,
    graphql::{error::ApiError, scalar::Timestamp},
};

/// Minimum width and height of the QR code's image, in its own units; it scales to any size.
const SVG_SIZE: u32 = 240;

/// The codes that link a session to an account.
#[derive(Description)]
pub(in crate::graphql) struct Pairing(pub(super) session::Pairing);

#[Object(use_type_description)]
impl Pairing {
    /// The text inside the QR code. Null if there is no QR code.
    async fn qr(&self) -> Option<&str> {
        self.0.qr.as_ref().map(|code| code.text.as_str())
    }

    /// The QR code as an SVG image, ready to display. Null if there is no QR code.
    #[expect(clippy::unused_async, reason = "async-graphql requires it")]
    async fn qr_svg(&self) -> Result<Option<String>, ApiError> {
        self.0.qr.as_ref().map(|code| picture(&code.text)).transpose()
    }

    /// The pairing code to type on the phone: eight characters, each a digit or a capital letter. Null unless it was
    /// requested with `requestPairingCode`.
    async fn code(&self) -> Option<&str> {
        self.0.code.as_ref().map(|code| code.text.as_str())
    }

    /// The expiry time of the QR code, after which a new one follows automatically for some minutes. If there is no QR
    /// code, the expiry time of `code`.
    async fn expires_at(&self) -> Timestamp {
        let code = self.0.qr.as_ref().or(self.0.code.as_ref());
        code.map_or(0, |code| code.expires_at).into()
    }

    /// The expiry time of `code`. Null if there is no `code`.
    async fn code_expires_at(&self) -> Option<Timestamp> {
        self.0.code.as_ref().map(|code| code.expires_at.into())
    }
}

/// Draws the code with the lowest error correction, which is enough for a screen, and with the quiet zone that scanners
/// need.
fn picture(text: &str) -> Result<String, ApiError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(|error| ApiError::failed(&error))?;
    Ok(code.render::<svg::Color>().min_dimensions(SVG_SIZE, SVG_SIZE).quiet_zone(true).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dark modules, by row and column, of an SVG path of `M x y h w v w H x V y` squares.
    fn dark(svg: &str, module: usize) -> Vec<(usize, usize)> {
        let path = svg.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a path");
        let corners = path.split('M').skip(1).map(|square| {
            let corner = square.split(['h', 'V', 'H', 'v']).next().expect("a corner");
            let mut numbers = corner.split([' ', ',']).filter(|text| !text.is_empty());
            let mut number = || numbers.next().expect("a number").parse::<usize>().expect("a number");
            let (x, y) = (number(), number());
            (y / module, x / module)
        });
        let mut dark: Vec<_> = corners.collect();
        dark.sort_unstable();
        dark
    }

    #[test]
    fn the_picture_shows_the_code_inside_its_quiet_zone() {
        let text = format!("2@{},{},{},{},9", "r".repeat(40), "n".repeat(44), "i".repeat(44), "s".repeat(44));
        let svg = picture(&text).unwrap_or_else(|_| panic!("a picture"));
        assert!(svg.contains("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        let code = QrCode::with_error_correction_level(&text, EcLevel::L).expect("a code");
        let width = code.width();
        let module = SVG_SIZE as usize / (width + 8) + usize::from(!(SVG_SIZE as usize).is_multiple_of(width + 8));
        let colors = code.to_colors();
        let modules = (0..width * width).filter(|place| colors[*place] == qrcode::Color::Dark);
        let expected: Vec<_> = modules.map(|place| (place / width + 4, place % width + 4)).collect();
        assert_eq!(dark(&svg, module), expected);
    }
}
