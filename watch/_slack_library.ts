/**
 * Slack's library, in a module of its own so that it is loaded when the first notice goes out: the
 * names of a CommonJS package imported on demand are lost in a bundle of several files.
 *
 * @module
 */

export { LogLevel, WebClient } from "@slack/web-api";
