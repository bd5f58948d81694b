//! A file to start from (DK-11).

/// A header with the columns that most imports need, and two invented customers.
pub fn template() -> String {
    const LINES: [&str; 3] = [
        "customerNumber,firstname,lastname,fullname,company,email,phone,birthday,address,address1,city,state,zip,country,shippingAddress,shippingAddress1,shippingCity,shippingState,shippingZip,shippingCountry,labels,timeZone,balance",
        "ACC-1001,Ada,Roe,,Roe & Sons,ada.roe@example.test,+15555550117,1985-04-12,9 Elm Row,Floor 2,Oakton,VA,22124,US,1 Dock Street,,Oakton,VA,22124,US,vip;newsletter,-5,12.50",
        "ACC-1002,,,Budi Santoso,,budi@example.test,+622155550117,24-08-1990,Jalan Melati 7,,Jakarta,DKI Jakarta,10110,Indonesia,,,,,,,,7,0",
    ];
    LINES.map(|line| format!("{line}\r\n")).concat()
}
