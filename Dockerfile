# The web page with your models:
#   docker build -t imagej-dl .
#   docker run --rm -p 127.0.0.1:5000:5000 -v "$PWD/models:/models:ro" imagej-dl
FROM python:3.12-slim
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY macros macros
COPY imagej_dl imagej_dl
RUN pip install --no-cache-dir '.[serve]' && useradd --create-home user
USER user
EXPOSE 5000
# As Ctrl-C, which Python heeds from its first moment: it would not hear SIGTERM while it starts.
STOPSIGNAL SIGINT
ENTRYPOINT ["imagej-dl", "serve", "/models", "--host", "0.0.0.0"]
