//! The upper limit: the HTTP server alone. It answers "hello" as JSON, and parses, checks and echoes the body of a create.
//! It runs in a process of its own (`compare ceiling ADDRESS`), with as many workers as the service.

use std::net::SocketAddr;
use std::process::Command;

use actix_web::web::Json;
use actix_web::{App, HttpResponse, HttpServer, get, post};
use serde::Serialize;
use validator::{ValidateEmail as _, ValidateLength as _};

use super::http::request;
use super::people::Person;
use super::process::{self, Process};

#[derive(Debug, Serialize)]
struct Hello {
    message: &'static str,
}

#[get("/hello")]
async fn hello() -> Json<Hello> {
    Json(Hello { message: "Hello, world" })
}

#[post("/echo")]
async fn echo(Json(body): Json<Person>) -> HttpResponse {
    let mut texts = body.texts().into_iter().chain([body.customer_number.as_str(), &body.created_at]);
    let fits = |text: &str| text.validate_length(None, Some(250), None);
    let is_status = matches!(body.customer_status, 0 | 1 | 85) && (-12..=14).contains(&body.time_zone);
    if texts.all(fits) && body.email.validate_email() && is_status {
        HttpResponse::Ok().json(&body)
    } else {
        HttpResponse::BadRequest().finish()
    }
}

/// Runs the server until its process ends.
pub fn serve(address: SocketAddr) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    actix_web::rt::System::new()
        .block_on(async {
            HttpServer::new(|| App::new().service(hello).service(echo))
                .workers(workers)
                .bind(address)
                .expect("an address that is free")
                .run()
                .await
        })
        .expect("it serves");
}

pub struct Ceiling {
    pub address: SocketAddr,
    _process: Process,
    _folder: tempfile::TempDir,
}

impl Ceiling {
    pub fn start() -> Ceiling {
        let address = process::free_address();
        let folder = process::folder();
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["ceiling", &address.to_string()]);
        let mut process = Process::start("ceiling", &mut command, folder.path());
        process.listens(address);
        Ceiling { address, _process: process, _folder: folder }
    }

    pub fn hello() -> Vec<u8> {
        request("GET", "/hello", "", "")
    }

    pub fn echo(person: &Person) -> Vec<u8> {
        request("POST", "/echo", "", &person.json())
    }
}
