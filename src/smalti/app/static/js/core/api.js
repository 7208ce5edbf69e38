/** The server's REST interface: JSON both ways, problems as errors. */

import { set } from "./store.js";

/** One line that says what is wrong, and one that says what to do. */
export class Problem extends Error {
  constructor({ detail, title, todo, status }) {
    super(detail || title || "The server refused it without a reason");
    this.todo = todo || "";
    this.status = status || 0;
  }
}

/** Problems of several parts of one act, under a line that counts them. */
export class Problems extends Error {
  constructor(title, all, status = 0) {
    super(title);
    this.all = all;
    this.status = status;
  }
}

const GONE = {
  detail: "The server does not answer",
  todo: "Was it stopped? Start it again with the same command: jobs go on where they were.",
};

const UNKNOWN = { detail: "This page has no valid token", todo: "Open the address that the server printed when it started; with a token of your own, add /?token=TOKEN to it once." };

/** The problem that an answer without success carries. */
export function problemOf(status, text) {
  if (status === 401) {
    set({ access: false });
    return new Problem({ ...UNKNOWN, status });
  }
  try {
    const { refused, ...found } = JSON.parse(text);
    const each = refused?.map((one) => new Problem(one));
    return each?.length ? new Problems(`None of ${each.length} files can be opened`, each, status) : new Problem({ ...found, status });
  } catch {
    return new Problem({ detail: `The server answered with status ${status}`, status });
  }
}

export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  const sent = body === undefined ? {} : { "Content-Type": "application/json" };
  let answer, text;
  try {
    answer = await fetch(path, {
      method,
      signal,
      headers: { "X-Smalti": "1", ...sent, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await answer.text(); // it may break off, too
  } catch (error) {
    if (error.name === "AbortError") throw error;
    set({ online: false });
    throw new Problem(GONE);
  }
  set({ online: true, ...(answer.ok && path.startsWith("api/") && { access: true }) });
  if (!answer.ok) throw problemOf(answer.status, text);
  return text ? JSON.parse(text) : null;
}

/** Why what is no JSON does not come: a problem, or null where the server is not there, or has it now. */
export async function whyNot(path, options = {}) {
  try {
    const answer = await fetch(path, options);
    return answer.ok ? null : problemOf(answer.status, await answer.text());
  } catch {
    set({ online: false });
    return null;
  }
}

export const post = (path, body, headers) => ask(path, { method: "POST", body, headers });

/** Sends a file; `progress` hears of the sent share. Fetch tells nothing of it, so this is the older way. */
export function upload(path, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("X-Smalti", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => reject(new Problem({ ...GONE, detail: `${file.name} could not be sent: the server closed the connection or does not answer` }));
    request.onload = () =>
      request.status < 300 ? resolve(JSON.parse(request.responseText || "null")) : reject(problemOf(request.status, request.responseText));
    request.send(file);
  });
}
