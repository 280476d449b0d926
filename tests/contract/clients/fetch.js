const fs = require("fs");

async function main() {
  const form = new FormData();
  form.append("file", new Blob([fs.readFileSync("scene.jpg")]), "scene.jpg");
  const response = await fetch(`${process.env.RETINUE_URL}/shapes/1`, {
    method: "POST",
    headers: { Authorization: `Bearer ${process.env.RETINUE_KEY}` },
    body: form,
  });
  console.log(await response.text());
}

main();
