//! Makes the pages again when the state changes, and each minute: open windows and lengths of time move on.

use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::Public;
use super::render::Templates;
use super::site::{Site, Source};
use crate::clock;
use crate::config::PublicPages;
use crate::files;

/// How often the state is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pages are made again after this time, if nothing changed.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Making pages takes at most this share of the time: many systems on a slow machine make them rarer.
const SHARE: u32 = 10;
/// Rendered before anyone asks.
const FIRST: [&str; 2] = ["/", "/api/v2/summary.json"];
/// The largest picture for the head.
const LARGEST_LOGO: u64 = 256 * 1024;
/// Without a turn of the engine for this long, pages say from when they are.
const SILENT: SignedDuration = SignedDuration::from_secs(60);

/// The pages that the configuration asks for, and the templates that render them.
pub(super) type Wanted = (Arc<PublicPages>, Arc<Templates>);

/// The configuration of the pages. Each change gets a number.
pub(super) struct Settings {
    address: String,
    pages: Mutex<(u64, Option<Wanted>)>,
}

impl Settings {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            pages: Mutex::default(),
        }
    }

    pub(super) fn replace(&self, pages: Option<PublicPages>, templates: Arc<Templates>) {
        let mut known = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        *known = (known.0 + 1, pages.map(|pages| (Arc::new(pages), templates)));
    }

    pub(super) fn get(&self) -> (u64, Option<Wanted>) {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Keeps the pages up to date until `stop`.
pub async fn run(state: Arc<Public>, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The state that the pages show, and when they were made.
    let mut shown: Option<(u64, u64, u64)> = None;
    let (mut made_at, mut took) = (Duration::ZERO, Duration::ZERO);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = look.tick() => {}
        }
        let (version, pages) = state.settings.get();
        let Some((pages, templates)) = pages else {
            state.site.store(None);
            shown = None;
            continue;
        };
        let (seq, archived) = (
            state.engine.snapshot().record.seq,
            state.archived.load(Relaxed),
        );
        let began = clock::elapsed();
        let rests = began.saturating_sub(made_at) < took * SHARE;
        let is_new = shown != Some((version, seq, archived)) && !rests;
        if !is_new && began.saturating_sub(made_at) < AGAIN_AFTER.max(took * SHARE) {
            continue;
        }
        let maker = Arc::clone(&state);
        let made = tokio::task::spawn_blocking(move || make(&maker, pages, templates)).await;
        match made {
            Ok(Ok(site)) => {
                let site = Arc::new(site);
                state.site.store(Some(Arc::clone(&site)));
                state.live.publish(&site.version);
            }
            Ok(Err(error)) => tracing::error!("the public pages could not be made: {error:#}"),
            Err(error) => tracing::error!(%error, "making the public pages broke off"),
        }
        shown = Some((version, seq, archived));
        made_at = clock::elapsed();
        took = made_at.saturating_sub(began);
        tracing::debug!(?took, "public pages made");
    }
    state.live.end();
}

fn make(
    state: &Public,
    pages: Arc<PublicPages>,
    templates: Arc<Templates>,
) -> Result<Site, minijinja::Error> {
    let now = state.engine.clock().now();
    let turned_us = state.engine.shared().counters.turned_us.load(Relaxed);
    let turned = Timestamp::from_microsecond(turned_us).unwrap_or(now);
    let at = match now.duration_since(turned) > SILENT {
        true => turned,
        false => now,
    };
    let url = pages.url.as_deref().unwrap_or(&state.settings.address);
    let source = Source {
        snapshot: state.engine.snapshot(),
        templates,
        archive: state.archive.load_full(),
        logo: pages.logo.as_deref().and_then(logo),
        url: url.to_owned(),
        pages,
        at,
    };
    let site = Site::of(source, state.site.load().as_deref())?;
    // In an outage most readers ask for these: they wait behind no other page.
    for path in FIRST {
        site.make(path);
    }
    Ok(site)
}

/// The picture; `None` if it cannot be read, which the log says.
fn logo(path: &Path) -> Option<(Bytes, &'static str)> {
    let is_png = path.extension().is_some_and(|end| end == "png");
    let kind = if is_png { "image/png" } else { "image/svg+xml" };
    match files::read(path, LARGEST_LOGO) {
        Ok(bytes) => Some((bytes.into(), kind)),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the logo of the public pages cannot be read");
            None
        }
    }
}
