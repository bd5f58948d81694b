//! A member of staff leaves: what becomes of the tokens that it made.

use serde_json::{Value, json};

use super::office::{member, owner, send};
use crate::harness::*;
use crate::portal::browser::Browser;
use crate::support::*;

const LIST: &str = "/api/Query/customers/demo";

/// Makes a token in the console; its text.
async fn token(browser: &mut Browser, name: &str) -> String {
    let new = "/console/tokens/new";
    let form = [
        ("name", name),
        ("expiresInDays", "30"),
        ("scopes", "customers:read"),
        ("scopes", "tokens"),
        ("entriesMode", "all"),
    ];
    let made = send(browser, new, new, &form).await.expect(200);
    let text = made.text.split("id=\"token\" value=\"").nth(1).unwrap();
    text[..text.find('"').unwrap()].to_owned()
}

/// The id of a member by its name.
async fn id_of(client: &Client, name: &str) -> String {
    let staff = client.get("/api/Staff").await.expect(200).json;
    let found = staff["Records"].as_array().unwrap().iter().find(|member| member["name"] == name);
    found.unwrap()["memberId"].as_str().unwrap().to_owned()
}

/// A second owner, who made three tokens, one of which is revoked, and one of which made another one. The texts of the two that
/// are in force, and of the one that was made by one of them.
async fn second(server: &Server, olga: &mut Browser) -> Vec<String> {
    let mut second = member(server, olga, "owner").await;
    let (shop, till) = (token(&mut second, "shop").await, token(&mut second, "till").await);
    let old = token(&mut second, "old").await;
    let client = server.anonymous().token(&old);
    client.delete("/api/Token/old").await.expect(200);
    let body = json!({"name": "child", "entries": ["demo"], "scopes": ["customers:read"]});
    let made = server.anonymous().token(&shop).post("/api/Token", &body).await.expect(200);
    vec![shop, till, made.data()["token"].as_str().unwrap().to_owned()]
}

both!(rules_25_a_member_leaves_with_the_tokens_it_made, |db| async move {
    let server = Server::start(db).await;
    let mut olga = owner(&server).await;
    let client = master(&server);
    let statuses = async |texts: &[String]| {
        let mut statuses = Vec::new();
        for text in texts {
            statuses.push(server.anonymous().token(text).get(LIST).await.status);
        }
        statuses
    };

    // Over HTTP: the answer says how many stay, and a token without `tokens` does not learn it.
    let texts = second(&server, &mut olga).await;
    assert_eq!(statuses(&texts).await, [200, 200, 200]);
    let place = format!("/api/Staff/{}", id_of(&client, "owner").await);
    let scopes: Vec<&str> = SCOPES.into_iter().filter(|scope| *scope != "tokens").collect();
    let blind = server.anonymous().token(&token_with(server.site(), &scopes));
    blind.delete(&format!("{place}?revokeTokens=true")).await.expect_error(403);
    client.delete(&format!("{place}?revokeTokens=perhaps")).await.expect_error(400);
    let kept = client.header("idempotencyKey", "kept");
    let answer = kept.delete(&place).await.expect(200);
    assert_eq!(answer.data(), &json!({"tokensInForce": 2, "tokensRevoked": 0}));
    assert_eq!(kept.delete(&place).await.expect(200).json, answer.json);
    assert_eq!(statuses(&texts).await, [200, 200, 200]);

    let texts = second(&server, &mut olga).await;
    let place = format!("/api/Staff/{}", id_of(&client, "owner").await);
    let answer = client.delete(&format!("{place}?revokeTokens=true")).await.expect(200);
    assert_eq!(answer.data(), &json!({"tokensInForce": 0, "tokensRevoked": 2}));
    assert_eq!(statuses(&texts).await, [401, 401, 401]);

    let body = json!({"name": "Bea Low", "email": "bea.low@example.test", "role": "agent"});
    client.post("/api/Staff", &body).await.expect(200);
    let place = format!("/api/Staff/{}", id_of(&client, "Bea Low").await);
    let answer = blind.delete(&place).await.expect(200);
    assert_eq!(answer.data(), &json!({"tokensInForce": null, "tokensRevoked": null}));

    // The console: the box is ticked, and says how many.
    let texts = second(&server, &mut olga).await;
    let page = format!("/console/staff/{}", id_of(&client, "owner").await);
    let shown = olga.get(&page).await.expect(200).says("Tokens in force that the member made: 2");
    assert!(shown.text.contains("name=\"revokeTokens\" value=\"true\" checked"), "{}", shown.text);
    let removed = send(&mut olga, &page, &format!("{page}/remove"), &[("revokeTokens", "true")]).await;
    assert_eq!(removed.location(), "/console/staff?done=deleted");
    assert_eq!(statuses(&texts).await, [401, 401, 401]);
    let activity = client.get("/api/Activity/demo?kind=tokens&limitRecord=2").await.expect(200).json;
    for record in activity["Records"].as_array().unwrap() {
        assert_eq!(
            (&record["operation"], &record["memberName"]),
            (&json!("token.revoked"), &json!("Olga Owner"))
        );
    }

    // The command line.
    let cli =
        |id: &str, more: &[&str]| server.site().cli(&[&["staff", "remove", id], more].concat()).success();
    second(&server, &mut olga).await;
    let printed = cli(&id_of(&client, "owner").await, &[]);
    assert_eq!(printed.matches("still in force: the token ").count(), 2, "{printed}");
    second(&server, &mut olga).await;
    let printed = cli(&id_of(&client, "owner").await, &["--revoke-tokens"]);
    assert_eq!(printed.matches("revoked the token ").count(), 2, "{printed}");
    let tokens = client.get("/api/Token").await.expect(200).json;
    let is_revoked = |token: &&Value| token["revokedAt"].is_string();
    let shops = tokens["Records"].as_array().unwrap().iter().filter(|token| token["name"] == "shop");
    assert_eq!(shops.filter(is_revoked).count(), 3);
});
