&[
    ("/LICENCES.txt", include_bytes!("LICENCES.txt")),
    ("/assets/icon-BTG5inWZ.svg", include_bytes!("assets/icon-BTG5inWZ.svg")),
    ("/assets/index-Bl6cPKwC.js", include_bytes!("assets/index-Bl6cPKwC.js")),
    ("/assets/index-gfVd-PGn.css", include_bytes!("assets/index-gfVd-PGn.css")),
    ("/", include_bytes!("index.html")),
]
