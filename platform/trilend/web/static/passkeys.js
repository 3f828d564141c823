// Makes and uses passkeys: asks our server for a challenge, hands it to the browser, and sends the answer back.
(() => {
  "use strict";
  if (!window.PublicKeyCredential) return;
  document.querySelectorAll("[data-passkey-place]").forEach((place) => { place.hidden = false; });

  const toBytes = (text) => {
    const padded = text.replace(/-/g, "+").replace(/_/g, "/") + "===".slice((text.length + 3) % 4);
    return Uint8Array.from(atob(padded), (character) => character.charCodeAt(0));
  };
  const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withBytes = (list) => (list || []).map((entry) => ({ ...entry, id: toBytes(entry.id) }));

  const send = async (url, content) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
      },
      body: JSON.stringify(content),
    });
    const known = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    const said = known ? await answer.json() : {};
    if (said.next) { window.location.assign(said.next); return null; }
    if (!answer.ok) throw new Error(said.error || document.body.dataset.textFailed);
    return said;
  };

  const answerOf = (credential) => {
    const response = credential.response;
    const fields = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (response[name]) fields[name] = toText(response[name]);
    }
    return {
      id: credential.id,
      rawId: toText(credential.rawId),
      type: credential.type,
      response: fields,
      clientExtensionResults: credential.getClientExtensionResults(),
    };
  };

  const make = async (options) => navigator.credentials.create({ publicKey: {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: withBytes(options.excludeCredentials),
  } });

  const use = async (options) => navigator.credentials.get({ publicKey: {
    ...options,
    challenge: toBytes(options.challenge),
    allowCredentials: withBytes(options.allowCredentials),
  } });

  const run = async (button, ask) => {
    const place = button.closest("[data-passkey-place]").querySelector("[data-passkey-error]");
    place.hidden = true;
    button.disabled = true;
    try {
      const offer = await send(button.dataset.options, {});
      if (offer === null) return;
      let credential;
      try { credential = await ask(offer.options); } catch { throw new Error(button.dataset.refused); }
      await send(button.dataset.answer, {
        ticket: offer.ticket, credential: answerOf(credential), next: button.dataset.next || "",
      });
    } catch (error) {
      place.textContent = error instanceof TypeError ? document.body.dataset.textOffline : error.message;
      place.hidden = false;
    } finally {
      button.disabled = false;
    }
  };

  document.addEventListener("click", (event) => {
    const maker = event.target.closest("[data-passkey-make]");
    if (maker) run(maker, make);
    const user = event.target.closest("[data-passkey-use]");
    if (user) run(user, use);
  });
})();
