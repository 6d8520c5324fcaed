/** Express with multer's disk storage, as its README shows it: no digest, no fsync, no records. */
import { createServer } from "node:http";
import { basename, resolve } from "node:path";
import express from "express";
import multer from "multer";
import { listening } from "./listening.ts";

const folder = process.argv[2] ?? ".";
const upload = multer({ dest: folder });
const app = express();
app.post("/", upload.single("file"), (request, response) => {
  response.status(201).json({ id: request.file.filename });
});
app.get("/:id", (request, response) => {
  response.sendFile(resolve(folder, basename(request.params.id)));
});
listening(createServer(app));
