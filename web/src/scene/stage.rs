//! When the scene is drawn, and from where it is seen: only while something moves or changes, never
//! out of sight, and without motion where someone prefers none.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

use gloo_events::{EventListener, EventListenerOptions};
use gloo_render::{AnimationFrame, request_animation_frame};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{
    Event, HtmlCanvasElement, HtmlElement, IntersectionObserver, IntersectionObserverEntry,
    KeyboardEvent, PointerEvent, ResizeObserver,
};
use yew::Callback;

use super::{
    matrix::Matrix,
    particles::Particles,
    renderer::Renderer,
    world::{self, DARK, Facts, LIGHT, NODES, Palette, World},
};
use crate::{
    model::{flow::Flow, theme::Theme},
    page,
};

/// Radians a pixel.
const DRAG: f32 = 0.008;
const KEY: f32 = 0.1;

/// A scene on a canvas. Dropping it stops it and frees what it holds.
pub(crate) struct Stage {
    this: Weak<RefCell<Self>>,
    canvas: HtmlCanvasElement,
    labels: HtmlElement,
    renderer: Renderer,
    particles: Particles,
    palette: &'static Palette,
    yaw: f32,
    pitch: f32,
    /// How it was seen last, and the camera for that.
    view: Option<(View, Matrix)>,
    /// Whether the last frame had particles.
    moves: Option<bool>,
    /// Where the pointer was last, while it drags.
    drag: Option<(i32, i32)>,
    /// The canvas is on the screen, if the page is.
    intersects: bool,
    page_shown: bool,
    /// The next frame, if one is wanted.
    frame: Option<AnimationFrame>,
    _listeners: Vec<EventListener>,
    _observers: Observers,
}

/// How the scene is seen: what decides where everything is on the canvas, and on the page.
#[derive(Clone, Copy, PartialEq)]
struct View {
    /// In pixels of the screen.
    size: (u32, u32),
    /// In pixels of the page, which zoom changes alone.
    on_page: (i32, i32),
    yaw: f32,
    pitch: f32,
}

/// What tells that the canvas came into sight, or changed its size.
struct Observers {
    sight: Option<IntersectionObserver>,
    size: Option<ResizeObserver>,
    _seen: Closure<dyn FnMut(js_sys::Array)>,
    _resized: Closure<dyn FnMut()>,
}

impl Drop for Observers {
    fn drop(&mut self) {
        if let Some(sight) = &self.sight {
            sight.disconnect();
        }
        if let Some(size) = &self.size {
            size.disconnect();
        }
    }
}

impl Stage {
    /// Starts drawing on `canvas`, its names in `labels`; `None` where no graphics card does it.
    /// `lost` is called when the graphics card takes its memory back.
    pub(crate) fn start(
        canvas: HtmlCanvasElement,
        labels: HtmlElement,
        lost: Callback<()>,
    ) -> Option<Rc<RefCell<Self>>> {
        let renderer = Renderer::new(&canvas)?;
        Some(Rc::new_cyclic(|this: &Weak<RefCell<Self>>| {
            let listeners = listeners(this, &canvas, lost);
            let observers = Observers::new(this, &canvas);
            RefCell::new(Self {
                this: this.clone(),
                canvas,
                labels,
                renderer,
                particles: Particles::default(),
                palette: &DARK,
                yaw: 0.24,
                pitch: 0.4,
                view: None,
                moves: None,
                drag: None,
                intersects: true,
                page_shown: true,
                frame: None,
                _listeners: listeners,
                _observers: observers,
            })
        }))
    }

    /// Takes over new figures or another theme.
    pub(crate) fn show(&mut self, facts: Facts, theme: Theme) {
        self.palette = match theme {
            Theme::Light => &LIGHT,
            Theme::Dark => &DARK,
        };
        self.renderer.set(&World::new(&facts, self.palette));
        self.want();
    }

    /// Sends what moved on its way.
    pub(crate) fn emit(&mut self, flow: Flow) {
        if !self.in_sight() || page::matches("(prefers-reduced-motion: reduce)") {
            return;
        }
        self.particles.emit(&flow, now());
        self.want();
    }

    /// Asks for a frame, unless one is asked for or nobody would see it.
    fn want(&mut self) {
        if self.frame.is_some() || !self.in_sight() {
            return;
        }
        let this = self.this.clone();
        self.frame = Some(request_animation_frame(move |_| {
            if let Some(stage) = this.upgrade() {
                stage.borrow_mut().draw();
            }
        }));
    }

    fn draw(&mut self) {
        self.frame = None;
        let Some(size) = self.fit() else {
            return;
        };
        let camera = self.camera(size);
        let sparks = self.particles.at(now());
        self.renderer.draw(&camera, size, sparks, self.palette);
        let moves = !self.particles.is_empty();
        if self.moves.replace(moves) != Some(moves) {
            let told = if moves { "yes" } else { "no" };
            // Only an invalid name is refused.
            let _ = self.canvas.set_attribute("data-particles", told);
        }
        if moves {
            self.want();
        }
    }

    /// The camera; where the view is another than before, the names follow. Otherwise a frame
    /// touches nothing of the page.
    fn camera(&mut self, size: (u32, u32)) -> Matrix {
        let view = View {
            size,
            on_page: (self.canvas.client_width(), self.canvas.client_height()),
            yaw: self.yaw,
            pitch: self.pitch,
        };
        if let Some((_, camera)) = self.view.filter(|(known, _)| *known == view) {
            return camera;
        }
        let camera = world::camera(size.0 as f32 / size.1 as f32, self.yaw, self.pitch);
        self.place_labels(&camera);
        self.view = Some((view, camera));
        camera
    }

    /// Makes the canvas as sharp as the screen; its size in pixels.
    fn fit(&self) -> Option<(u32, u32)> {
        let sharpness = web_sys::window()?.device_pixel_ratio().clamp(1.0, 2.0);
        let pixels = |length: i32| (f64::from(length) * sharpness).round() as u32;
        let (width, height) = (
            pixels(self.canvas.client_width()),
            pixels(self.canvas.client_height()),
        );
        if width == 0 || height == 0 {
            return None;
        }
        // Setting it empties the canvas, even to the same.
        if (self.canvas.width(), self.canvas.height()) != (width, height) {
            self.canvas.set_width(width);
            self.canvas.set_height(height);
        }
        Some((width, height))
    }

    fn place_labels(&self, camera: &Matrix) {
        let children = self.labels.children();
        for (index, node) in NODES.iter().enumerate() {
            let label = children
                .item(index as u32)
                .and_then(|label| label.dyn_into::<HtmlElement>().ok());
            let [x, _, z] = node.at;
            if let (Some(label), Some((left, top))) = (label, camera.project([x, -0.2, z + 1.6])) {
                let place = format!(
                    "translate(-50%,0) translate({:.1}px,{:.1}px)",
                    left * self.canvas.client_width() as f32,
                    top * self.canvas.client_height() as f32
                );
                // Only a broken page has no style.
                let _ = label.style().set_property("transform", &place);
            }
        }
    }

    fn turn(&mut self, yaw: f32, pitch: f32) {
        self.yaw = (self.yaw + yaw).clamp(-1.2, 1.2);
        self.pitch = (self.pitch + pitch).clamp(0.08, 1.3);
        self.want();
    }

    fn in_sight(&self) -> bool {
        self.intersects && self.page_shown
    }

    fn sight_changed(&mut self) {
        if self.in_sight() {
            self.want();
        } else {
            self.frame = None;
            self.particles.clear();
        }
    }

    fn pointer(&mut self, event: &PointerEvent) {
        let place = (event.client_x(), event.client_y());
        // The first button: others mean something else. Its release outside of the window is not
        // told.
        let held = event.buttons() & 1 == 1;
        match (event.type_().as_str(), self.drag) {
            ("pointerdown", _) if event.button() == 0 => {
                self.drag = Some(place);
                // Fails where the pointer is gone already.
                let _ = self.canvas.set_pointer_capture(event.pointer_id());
            }
            ("pointermove", Some((x, y))) if held => {
                self.drag = Some(place);
                self.turn((x - place.0) as f32 * DRAG, (place.1 - y) as f32 * DRAG);
            }
            _ => self.drag = None,
        }
    }

    /// Whether the key meant something.
    fn key(&mut self, key: &str) -> bool {
        let (yaw, pitch) = match key {
            "ArrowLeft" => (KEY, 0.0),
            "ArrowRight" => (-KEY, 0.0),
            "ArrowUp" => (0.0, KEY),
            "ArrowDown" => (0.0, -KEY),
            _ => return false,
        };
        self.turn(yaw, pitch);
        true
    }
}

fn listeners(
    this: &Weak<RefCell<Stage>>,
    canvas: &HtmlCanvasElement,
    lost: Callback<()>,
) -> Vec<EventListener> {
    let listen = |name: &'static str, act: fn(&mut Stage, &Event)| {
        let this = this.clone();
        let options = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(canvas, name, options, move |event| {
            if let Some(stage) = this.upgrade() {
                act(&mut stage.borrow_mut(), event);
            }
        })
    };
    let pointer = |stage: &mut Stage, event: &Event| {
        if let Some(event) = event.dyn_ref() {
            stage.pointer(event);
        }
    };
    let mut listeners: Vec<_> = [
        "pointerdown",
        "pointermove",
        "pointerup",
        "pointercancel",
        "lostpointercapture",
    ]
    .map(|name| listen(name, pointer))
    .into();
    listeners.push(listen("keydown", |stage, event| {
        if event
            .dyn_ref::<KeyboardEvent>()
            .is_some_and(|event| page::is_alone(event) && stage.key(&event.key()))
        {
            event.prevent_default();
        }
    }));
    listeners.push(EventListener::new(canvas, "webglcontextlost", move |_| {
        lost.emit(());
    }));
    if let Some(document) = page::document() {
        let this = this.clone();
        listeners.push(EventListener::new(
            &document,
            "visibilitychange",
            move |_| {
                if let Some(stage) = this.upgrade() {
                    let mut stage = stage.borrow_mut();
                    stage.page_shown = !page::is_hidden();
                    stage.sight_changed();
                }
            },
        ));
    }
    listeners
}

impl Observers {
    fn new(this: &Weak<RefCell<Stage>>, canvas: &HtmlCanvasElement) -> Self {
        let seen = {
            let this = this.clone();
            Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
                let entry = entries.pop().dyn_into::<IntersectionObserverEntry>();
                if let (Some(stage), Ok(entry)) = (this.upgrade(), entry) {
                    let mut stage = stage.borrow_mut();
                    stage.intersects = entry.is_intersecting();
                    stage.sight_changed();
                }
            })
        };
        let resized = {
            let this = this.clone();
            Closure::<dyn FnMut()>::new(move || {
                if let Some(stage) = this.upgrade() {
                    stage.borrow_mut().want();
                }
            })
        };
        let sight = IntersectionObserver::new(seen.as_ref().unchecked_ref()).ok();
        let size = ResizeObserver::new(resized.as_ref().unchecked_ref()).ok();
        if let Some(sight) = &sight {
            sight.observe(canvas);
        }
        if let Some(size) = &size {
            size.observe(canvas);
        }
        Self {
            sight,
            size,
            _seen: seen,
            _resized: resized,
        }
    }
}

/// Seconds since the page was opened.
fn now() -> f64 {
    let clock = web_sys::window().and_then(|window| window.performance());
    clock.map_or(0.0, |clock| clock.now() / 1000.0)
}
