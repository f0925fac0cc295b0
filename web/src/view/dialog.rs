//! A modal dialog: the browser's own, which keeps the focus inside, ends with Escape and gives the
//! focus back.

use web_sys::HtmlDialogElement;
use yew::prelude::*;

use super::icon::{Icon, icon};

#[derive(Properties, PartialEq)]
pub(crate) struct Props {
    pub(crate) title: AttrValue,
    #[prop_or_default]
    pub(crate) class: Classes,
    pub(crate) close: Callback<()>,
    /// Hears of keys wherever the focus is in the dialog.
    #[prop_or_default]
    pub(crate) keys: Callback<KeyboardEvent>,
    /// Beside the title.
    #[prop_or_default]
    pub(crate) actions: Html,
    pub(crate) children: Html,
}

/// Shown as long as it exists.
#[component]
pub(crate) fn Dialog(props: &Props) -> Html {
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with((), move |()| {
            let element = dialog.cast::<HtmlDialogElement>();
            if let Some(element) = &element {
                // Fails only where it is shown already.
                let _ = element.show_modal();
            }
            // Closing it gives the focus back to where it was.
            move || {
                if let Some(element) = element {
                    element.close();
                }
            }
        });
    }
    let cancel = props.close.reform(|event: Event| event.prevent_default());
    let close = props.close.reform(|_: MouseEvent| ());
    // A click on the backdrop has the dialog itself as its target, and so has one on its scrollbar.
    let outside = {
        let (dialog, close) = (dialog.clone(), props.close.clone());
        Callback::from(move |event: MouseEvent| {
            let Some(element) = dialog.cast::<HtmlDialogElement>() else {
                return;
            };
            let bounds = element.get_bounding_client_rect();
            let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
            let within = (bounds.left()..bounds.right()).contains(&x)
                && (bounds.top()..bounds.bottom()).contains(&y);
            if event.target().as_ref() == Some(element.as_ref()) && !within {
                close.emit(());
            }
        })
    };
    html! {
        <dialog
            ref={dialog}
            class={classes!("dialog", props.class.clone())}
            aria-label={props.title.clone()}
            oncancel={cancel}
            onkeydown={props.keys.clone()}
            onmousedown={outside}
        >
            <div class="dialog-body">
                <header class="dialog-head">
                    <h2 title={props.title.clone()}>{ &props.title }</h2>
                    <div class="dialog-actions">
                        { props.actions.clone() }
                        <button type="button" class="button quiet square" aria-label="Close" onclick={close}>
                            { icon(Icon::Close) }
                        </button>
                    </div>
                </header>
                { props.children.clone() }
            </div>
        </dialog>
    }
}
