&[
    ("/LICENCES.txt", include_bytes!("LICENCES.txt")),
    ("/assets/icon-BTG5inWZ.svg", include_bytes!("assets/icon-BTG5inWZ.svg")),
    ("/assets/index-BhFZgAFF.css", include_bytes!("assets/index-BhFZgAFF.css")),
    ("/assets/index-O_OwhQSG.js", include_bytes!("assets/index-O_OwhQSG.js")),
    ("/", include_bytes!("index.html")),
]
